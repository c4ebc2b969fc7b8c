import { afterEach, describe, expect, test } from 'vitest';
import { dkimKey, dkimSigned, GOOGLE, knotPresent, mailOf, startWorld, titled, type World } from './harness.ts';
import { Cast, own, stranger } from './standing.ts';

const EVIL = stranger('evil-receiver.example');
const HEAVY = 8;
const RECORDS = 8_000;

/**
 * Threat: a mail of 40 kB holds 8,000 records, which take a second to store and as long to verify. A few
 * dozen, from anybody, come before the genuine report.
 */
describe.skipIf(!knotPresent)(titled('mails that are small and heavy'), () => {
  let world: World;
  afterEach(() => world.close());

  test('the genuine report behind them is stored and proven before most of them are read', async () => {
    world = await startWorld();
    const cast = await Cast.of(world, [GOOGLE]);
    const key = dkimKey();
    await world.publish(EVIL.domain, key);
    const signed = (n: number) => n % 2 === 0;
    const heavy = Array.from({ length: HEAVY }, (_, n) => {
      const rows = Array.from({ length: RECORDS }, (_, i) => ({ ip: `${n + 1}.${i >> 8}.${i & 255}.1`, auth_dkim: null }));
      const mail = mailOf({ org: EVIL.org, id: `heavy-${n}`, rows }, { email: EVIL.email });
      return signed(n) ? dkimSigned(mail, { domain: EVIL.domain, key }) : mail;
    });
    expect(heavy[0]!.length).toBeLessThan(60_000);
    for (const mail of heavy) await world.deliver([mail]);
    await world.deliver([cast.report(GOOGLE, 1, [own()])]);
    const proven = async () => (await world.reports()).some(({ org_name, trust }) => org_name === GOOGLE.org && trust === 'ok');
    await expect.poll(proven, { timeout: 60_000, interval: 50 }).toBe(true);
    const waiting = (await world.messages()).filter(({ state }) => state === 'received');
    expect(waiting.length).toBeGreaterThan(HEAVY / 2);

    // Nothing is lost: they have their turn.
    await world.settle();
    const reports = (await world.reports()).filter(({ org_name }) => org_name === EVIL.org);
    expect(reports.map(({ report_id, messages, trust }) => [report_id, messages, trust]).sort()).toEqual(
      heavy.map((_, n) => [`heavy-${n}`, RECORDS, signed(n) ? 'ok' : 'bad']),
    );
  });
});
