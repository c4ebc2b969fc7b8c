import { afterEach, describe, expect, test } from 'vitest';
import { composeWeekly } from '../../services/alerter/mail/weekly.ts';
import { TransientError } from '../../services/shared/errors.ts';
import { dkimKey, dkimSigned, GOOGLE, knotPresent, mailOf, startWorld, titled, type World } from './harness.ts';
import { attack, BROTHERS, Cast, daysFrom, noonAfter, own, stranger } from './standing.ts';

const EVIL = BROTHERS[0]!;
const HONEST = ['one', 'two'].map((name) => stranger(`${name}-honest.test`));
const SILENT = stranger('silent.test');
/** A Monday. */
const MOMENT = noonAfter(40);

/** Threat: the weekly digest tells sums, and nobody checks a sum. */
describe.skipIf(!knotPresent)(titled('the sums of the weekly digest'), () => {
  let world: World;
  afterEach(() => world.close());

  test('have no part of what waits to be verified, nor of what one of three established reporters tells alone', async () => {
    world = await startWorld({
      resolver: (real) => ({
        async txt(name) {
          if (name.endsWith(SILENT.domain)) throw new TransientError('dns_failed', `${name}: no answer in time.`);
          return real.txt(name);
        },
      }),
    });
    const cast = await Cast.of(world, [GOOGLE, EVIL, ...HONEST]);
    for (const day of daysFrom(0, 33, 3)) {
      const reports = [...HONEST, EVIL].map((one) => cast.report(one, day, [own(200)], { domain: 'small.example' }));
      await world.deliver([cast.report(GOOGLE, day, [own()]), ...reports], noonAfter(day));
    }
    world.setNow(noonAfter(33));
    await world.settle();

    const key = dkimKey();
    for (const day of [34, 35]) {
      const begin = noonAfter(day - 1).getTime() / 1000;
      const waiting = mailOf({ org: SILENT.org, id: `w${day}`, begin, rows: [attack(7_000_000)] }, { email: SILENT.email });
      await cast.bring(day, [
        cast.report(GOOGLE, day, [own(), { ...attack(300), ip: '198.51.100.7' }]),
        dkimSigned(waiting, { domain: SILENT.domain, key }),
        ...HONEST.map((one) => cast.report(one, day, [own(200)], { domain: 'small.example' })),
        // Of what all three tell he tells a thousand times as much; and of a network that nobody else saw.
        cast.report(EVIL, day, [own(200_000), attack(90_000)], { domain: 'small.example' }),
      ]);
    }
    const standings = await world.query("select distinct standing, decides from dmarc.reporters where domain = 'small.example'");
    expect(standings).toEqual([{ standing: 'established', decides: true }]);
    expect((await world.reports()).filter(({ trust }) => trust === 'pending')).toHaveLength(2);

    const { alertFrom, alertTo, alerts } = world.context.config;
    await composeWeekly(world.context, { from: alertFrom!, alertTo, alerts }, MOMENT, MOMENT);
    const { raw } = (await world.alerts()).find(({ kind }) => kind === 'weekly')!;
    const text = raw.replace(/=\r?\n/g, '').replace(/\s+/g, ' ');
    const told = (domain: string) => Number(new RegExp(` ${domain}: ([\\d,]+) messages`).exec(text)![1]!.replaceAll(',', ''));
    expect(told('example.com')).toBe(3 * 500 + 2 * 300);
    // Three days of each, and no more of his than they tell of in both weeks.
    expect(told('small.example')).toBeGreaterThanOrEqual(3 * 600);
    expect(told('small.example')).toBeLessThan(4 * 600);
    expect(text).not.toContain('203.0.113.0/24');
  });
});
