import { afterEach, describe, expect, test } from 'vitest';
import { FULL } from '../helpers/full.ts';
import { GOOGLE, knotPresent, startWorld, titled, type World } from './harness.ts';
import { ATTACKER, attack, BROTHERS, Cast, daysFrom, OWN, own, whitewash } from './standing.ts';

/** Ninety days of the truth, and then a lie. */
const TRUE_DAYS = daysFrom(0, 90, 3);
const CASTS = [
  ['one alone', BROTHERS.slice(0, 1)],
  ['one with four brothers of other domains', BROTHERS],
] as const;

describe.skipIf(!knotPresent)(titled('sleepers: ninety days of agreement, then a lie'), () => {
  let world: World;
  afterEach(() => world.close());

  for (const [who, sleepers] of FULL ? CASTS : CASTS.slice(1)) {
    test(`${who}: raises nothing, and hides nothing`, async () => {
      world = await startWorld();
      const cast = await Cast.of(world, [GOOGLE, ...sleepers]);
      await cast.past([GOOGLE, ...sleepers], TRUE_DAYS, [own()]);
      const standings = await world.query('select distinct standing from dmarc.reporters where not decides');
      expect(standings).toEqual([{ standing: 'established' }]);

      // An attack that never was.
      for (const day of [91, 92]) {
        const lies = sleepers.map((one) => cast.report(one, day, [own(), attack(50_000)], { p: 'none' }));
        await cast.bring(day, [cast.report(GOOGLE, day, [own()]), ...lies]);
      }
      expect(await cast.told()).toEqual(['unconfirmed_report low open']);
      expect(await world.alerts()).toEqual([]);
      expect(await cast.classOf(ATTACKER)).toBe('unknown');

      // One that is, of which they say that all of it passes; and the domain's own server, of which they say
      // that nothing does.
      for (const day of [93, 94]) {
        const lies = sleepers.map((one) => cast.report(one, day, [{ ...attack(9000), ip: '192.0.2.1' }, whitewash(400_000)]));
        await cast.bring(day, [cast.report(GOOGLE, day, [own(), attack(300)]), ...lies]);
      }
      expect(await cast.told()).toEqual(['unauthorized_source high open', 'unconfirmed_report low resolved']);
      expect(await cast.classOf(ATTACKER)).toBe('unauthorized');
      expect(await cast.classOf(OWN)).toBe('authorized');
    });
  }
});
