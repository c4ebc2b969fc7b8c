import { afterEach, describe, expect, test } from 'vitest';
import { attackRows, GOOGLE, knotPresent, startWorld, titled, type World } from './harness.ts';
import { ATTACKER, attack, BROTHERS, Cast, daysFrom, own, stranger } from './standing.ts';

/** Somebody with a domain of his own reports, with valid DKIM, an attack that never was. */
const EVIL = stranger('evil-receiver.example');

describe.skipIf(!knotPresent)(titled('a stranger reports an attack that never was'), () => {
  let world: World;
  afterEach(() => world.close());

  const quiet = async (cast: Cast, by: string[]) => {
    expect(await cast.told()).toEqual(['unconfirmed_report low open']);
    const [finding] = await world.findings();
    expect(finding!.evidence).toMatchObject({ resting_on: by.map((reporter) => ({ reporter, standing: 'new' })) });
    expect(await world.alerts()).toEqual([]);
    expect(await cast.classOf(ATTACKER)).toBe('unknown');
  };

  test('it is one quiet finding that rests on his word alone, and says so', async () => {
    world = await startWorld();
    const cast = await Cast.of(world, [GOOGLE, EVIL]);
    await cast.past([GOOGLE], daysFrom(0, 9), [own()]);
    for (const day of [10, 11, 12]) {
      await cast.bring(day, [
        cast.report(GOOGLE, day, [own()]),
        cast.report(EVIL, day, [attack(90_000), ...attackRows(5, 20_000)], { p: 'none' }),
      ]);
    }
    await quiet(cast, [EVIL.domain]);
    const [finding] = await world.query<{ summary: string; confidence: number; evidence: { what: string } }>(
      'select summary, confidence, evidence from dmarc.findings',
    );
    expect(finding!.evidence.what).toContain(`rests on the word of ${EVIL.domain} alone, whose standing is new`);
    expect(finding!.confidence).toBeLessThanOrEqual(0.2);
    // Nor does the policy that he claims to have found change, nor a figure of the week.
    const days = await world.query('select reporter, standing, decides from dmarc.reporters order by reporter');
    expect(days).toEqual([
      { reporter: EVIL.domain, standing: 'new', decides: false },
      { reporter: 'google.com', standing: 'known', decides: true },
    ]);
  });

  test('his volume adds nothing to what others tell: the severity and the numbers are theirs', async () => {
    world = await startWorld();
    const cast = await Cast.of(world, [GOOGLE, EVIL]);
    await cast.past([GOOGLE], daysFrom(0, 9), [own()]);
    for (const day of [10, 11]) {
      await cast.bring(day, [
        cast.report(GOOGLE, day, [own(), attack(12)]),
        cast.report(EVIL, day, [attack(500_000), ...attackRows(40, 100_000)]),
      ]);
    }
    expect(await cast.told()).toEqual(['unauthorized_source medium open']);
    const [finding] = await world.findings();
    expect(finding!.evidence).toMatchObject({ messages: 24, delivered: 24, senders: 1, reporters: ['google.com'] });
  });

  test('five brothers on a domain that nobody else reports on are no more than one', async () => {
    world = await startWorld();
    const cast = await Cast.of(world, BROTHERS);
    // Backdated begins make nobody older: all of it arrives within four days.
    for (const day of [60, 61, 62, 63]) {
      const dates = [day, ...daysFrom(day - 60, day - 5, 6)];
      await cast.bring(
        day,
        BROTHERS.flatMap((one) => dates.map((date) => cast.report(one, date, date === day ? [own(), attack(5000)] : [own()]))),
      );
    }
    expect(await cast.told()).toEqual(['unconfirmed_report low open']);
    const standings = await world.query('select distinct standing, decides from dmarc.reporters');
    expect(standings).toEqual([{ standing: 'new', decides: false }]);
    expect(await world.alerts()).toEqual([]);
  });
});
