import { afterEach, describe, expect, test } from 'vitest';
import { knotPresent, startWorld, titled, type World } from './harness.ts';
import { attack, BROTHERS, Cast, daysFrom, KNOWN, own, stranger, whitewash } from './standing.ts';

const EVIL = stranger('evil-receiver.example');
const P = { p: 'none' };

describe.skipIf(!knotPresent)(titled('who says that the next policy is safe'), () => {
  let world: World;
  afterEach(() => world.close());

  test('strangers cannot win it: not by passes, nor by their number', async () => {
    world = await startWorld();
    const [google] = KNOWN;
    const cast = await Cast.of(world, [google, ...BROTHERS]);
    // Google alone sees that a service of the domain's own fails; three reporters are needed, and 99 of 100 messages that pass.
    const service = { ip: '198.51.100.7', count: 60, dkim: 'fail' as const, spf: 'fail' as const, auth_dkim: null };
    const truth = [own(), { ...service, auth_spf: ['bounce.service.example', 'pass'] as [string, string] }];
    for (const day of daysFrom(0, 31)) {
      const lies = BROTHERS.map((one) => cast.report(one, day, [own(90_000), { ip: '198.51.100.7', count: 90_000 }], P));
      await world.deliver(
        [cast.report(google, day, truth, P), ...lies],
        new Date((Date.UTC(2026, 8, 2) / 1000 + day * 86_400) * 1000),
      );
    }
    await cast.bring(32, [cast.report(google, 32, truth, P)]);
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
