import { afterEach, describe, expect, test } from 'vitest';
import { GOOGLE, knotPresent, startWorld, titled, type World } from './harness.ts';
import { ATTACKER, attack, BROTHERS, Cast, daysFrom, OWN, own, stranger } from './standing.ts';

describe.skipIf(!knotPresent)(titled('honest twins of the attacks by strangers'), () => {
  let world: World;
  afterEach(() => world.close());

  test('an attack that one known reporter alone tells of is found at once', async () => {
    world = await startWorld();
    const small = stranger('college.example');
    const cast = await Cast.of(world, [GOOGLE, small]);
    await cast.past([GOOGLE, small], daysFrom(0, 9), [own()]);
    await cast.bring(10, [cast.report(GOOGLE, 10, [own(), attack(400)]), cast.report(small, 10, [own(5)])]);
    expect(await cast.told()).toEqual(['unauthorized_source high open']);
    expect((await world.alerts()).map(({ kind }) => kind)).toEqual(['finding']);
  });

  test('the first day of a fresh install with nobody but Google is judged', async () => {
    world = await startWorld();
    const cast = await Cast.of(world, [GOOGLE]);
    await cast.bring(0, [cast.report(GOOGLE, 0, [own(), attack(400)])]);
    expect(await cast.told()).toEqual(['unauthorized_source high open']);
    expect(await cast.classOf(OWN)).toBe('authorized');
    expect(await cast.classOf(ATTACKER)).toBe('unauthorized');
  });

  test('an attack on a small domain is found by three established reporters where nobody known reports', async () => {
    world = await startWorld();
    const trio = BROTHERS.slice(0, 3);
    const cast = await Cast.of(world, BROTHERS.slice(0, 4));
    await cast.past(trio, daysFrom(0, 33, 3), [own(40)]);
    const loud = BROTHERS[3]!;
    for (const day of [34, 35]) {
      const seen = trio.map((one, i) => cast.report(one, day, [own(40), attack([20, 30, 90_000][i]!)]));
      await cast.bring(day, [...seen, cast.report(loud, day, [attack(90_000)])]);
    }
    // As many as the least of the three tells of count of each: no one's volume outweighs the others'.
    expect(await cast.told()).toEqual(['unauthorized_source high open']);
    const [finding] = await world.findings();
    expect(finding!.evidence).toMatchObject({
      messages: 120,
      delivered: 120,
      reporters: trio.map(({ domain }) => domain).sort(),
    });
    expect(await cast.classOf(OWN)).toBe('authorized');
  });

  test('two of them are not enough, nor is one of three', async () => {
    world = await startWorld();
    const trio = BROTHERS.slice(0, 3);
    const cast = await Cast.of(world, trio);
    await cast.past(trio, daysFrom(0, 33, 3), [own(40)]);
    for (const day of [34, 35]) {
      await cast.bring(
        day,
        trio.map((one, i) => cast.report(one, day, i < 2 ? [own(40), attack(5000)] : [own(40)])),
      );
    }
    expect((await cast.told()).filter((line) => !line.startsWith('unconfirmed_report'))).toEqual([]);
  });

  test('a known reporter that writes from a new address is new until it is known, and is no forger', async () => {
    world = await startWorld();
    const moved = { org: 'google.com', domain: 'gmail.com', email: 'dmarc-reports@googlemail.com' };
    const other = { org: 'Yahoo', domain: 'yahooinc.com', email: 'reports@new.yahooinc.com' };
    const cast = await Cast.of(world, [GOOGLE, moved, other]);
    await cast.past([GOOGLE], daysFrom(0, 9), [own()]);
    for (const day of [10, 11, 12]) {
      await cast.bring(day, [cast.report(GOOGLE, day, [own()]), cast.report(other, day, [own(), attack(5000)])]);
    }
    expect(await cast.told()).toEqual(['unconfirmed_report low open']);
  });
});
