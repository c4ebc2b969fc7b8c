import { afterEach, describe, expect, test } from 'vitest';
import { knotPresent, startWorld, titled, type World } from './harness.ts';
import { attack, BROTHERS, Cast, daysFrom, KNOWN, noonAfter, own, stranger, whitewash } from './standing.ts';

const EVIL = stranger('evil-receiver.example');
const P = { p: 'none' };

describe.skipIf(!knotPresent)(titled('who says that the next policy is safe'), () => {
  let world: World;
  afterEach(() => world.close());

  test('strangers cannot win it by their number: one known reporter is not three', async () => {
    world = await startWorld();
    const [google] = KNOWN;
    const cast = await Cast.of(world, [google, ...BROTHERS]);
    await cast.past([google, ...BROTHERS], daysFrom(0, 32), [own(50)], P);
    expect((await cast.told()).filter((line) => line.startsWith('policy_ready'))).toEqual([]);
  });

  test('nor by passes: what fails of the domain’s own mail stays the part that known ones tell of', async () => {
    world = await startWorld();
    const cast = await Cast.of(world, [...KNOWN, ...BROTHERS]);
    // Three messages of a hundred have failed all along; 99 of 100 must pass.
    const truth = [own(97), { ...own(3), dkim: 'fail' as const, spf: 'fail' as const, auth_dkim: null, auth_spf: null }];
    for (const day of daysFrom(0, 31)) {
      const told = KNOWN.map((one) => cast.report(one, day, truth, P));
      const lies = BROTHERS.map((one) => cast.report(one, day, [own(90_000)], P));
      await world.deliver([...told, ...lies], noonAfter(day));
    }
    await cast.bring(
      32,
      KNOWN.map((one) => cast.report(one, 32, truth, P)),
    );
    expect((await cast.told()).filter((line) => line.startsWith('policy_ready'))).toEqual([]);
  });

  test('a stranger cannot cost it; it stands by the word of known ones, and goes by theirs', async () => {
    world = await startWorld();
    const cast = await Cast.of(world, [...KNOWN, EVIL]);
    await cast.past(KNOWN, daysFrom(0, 31), [own(200)], P);
    const ready = async () => (await cast.told()).filter((line) => line.startsWith('policy_ready'));
    expect(await ready()).toEqual(['policy_ready info open']);
    const lies = [
      { ...own(90_000), dkim: 'fail' as const, spf: 'fail' as const, auth_dkim: null, auth_spf: null },
      attack(90_000),
    ];
    for (const day of [32, 33, 34]) {
      const known = KNOWN.map((one) => cast.report(one, day, [own(200)], P));
      await cast.bring(day, [...known, cast.report(EVIL, day, lies, { p: 'reject' })]);
    }
    expect(await ready()).toEqual(['policy_ready info open']);
  });

  test('it does not open while forged mail that is delivered stands', async () => {
    world = await startWorld();
    const cast = await Cast.of(world, [...KNOWN, EVIL]);
    await cast.past(KNOWN, daysFrom(0, 28), [own(200)], P);
    for (const day of daysFrom(29, 33)) {
      const known = KNOWN.map((one) => cast.report(one, day, [own(200), attack(100)], P));
      await cast.bring(day, [...known, cast.report(EVIL, day, [whitewash(90_000)], P)]);
    }
    expect(await cast.told()).toEqual(['unauthorized_source critical open']);
  });
});
