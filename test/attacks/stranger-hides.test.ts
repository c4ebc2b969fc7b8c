import { afterEach, describe, expect, test } from 'vitest';
import { FULL } from '../helpers/full.ts';
import { GOOGLE, knotPresent, startWorld, titled, type World } from './harness.ts';
import { ATTACKER, attack, Cast, daysFrom, OWN, own, stranger, whitewash } from './standing.ts';

/**
 * Somebody with a domain of his own reports, with valid DKIM, what hides his attack from those who are
 * attacked.
 */
const EVIL = stranger('evil-receiver.example');

describe.skipIf(!knotPresent)(titled('a stranger reports what hides his attack'), () => {
  let world: World;
  afterEach(() => world.close());

  test('one mail of backdated passes buys his network no class, and hides nothing of it', async () => {
    world = await startWorld();
    const cast = await Cast.of(world, [GOOGLE, EVIL]);
    await cast.past([GOOGLE], daysFrom(0, 27), [own()]);
    // Small, and large: what he says weighs nothing at any size.
    const lies = daysFrom(8, 27).map((day) => cast.report(EVIL, day, [whitewash(day === 8 ? 9_000_000 : 50)]));
    await cast.bring(27, lies);
    expect(await cast.classOf(ATTACKER)).toBe('unknown');
    for (const day of [28, 29]) await cast.bring(day, [cast.report(GOOGLE, day, [own(), attack(300)])]);
    expect(await cast.classOf(ATTACKER)).toBe('unauthorized');
    expect(await cast.told()).toEqual(['unauthorized_source high open']);
    const [finding] = await world.findings();
    expect(finding!.evidence).toMatchObject({ messages: 600, delivered: 600, reporters: ['google.com'] });
    expect(await cast.classOf(OWN)).toBe('authorized');
  });

  test('he ends no finding, changes none and takes no word of it, however often he says that all is well', async () => {
    world = await startWorld();
    const cast = await Cast.of(world, [GOOGLE, EVIL]);
    await cast.past([GOOGLE], daysFrom(0, 9), [own()]);
    for (const day of [10, 11]) await cast.bring(day, [cast.report(GOOGLE, day, [own(), attack(300)])]);
    const [before] = await world.query('select summary, severity, state, revision, evidence, changed_at from dmarc.findings');
    // Google is silent; he tells of weeks in which nothing happens, and of days to come.
    for (const day of daysFrom(12, 30, FULL ? 2 : 6))
      await cast.bring(day, [cast.report(EVIL, day + 1, [own(), whitewash(1000)])]);
    const [after] = await world.query('select summary, severity, state, revision, evidence, changed_at from dmarc.findings');
    expect(after).toEqual(before);
  });

  test('he does not stand for a reporter that fell silent, and moves no day', async () => {
    world = await startWorld();
    const cast = await Cast.of(world, [GOOGLE, EVIL]);
    await cast.past([GOOGLE], daysFrom(0, 20), [own()]);
    await cast.bring(
      21,
      daysFrom(21, 22).map((day) => cast.report(EVIL, day, [own()])),
    );
    // What Google tells late of the day before is judged as the newest there is.
    await cast.bring(22, [cast.report(GOOGLE, 21, [own(), attack(300)])]);
    expect(await cast.told()).toEqual(['unauthorized_source high open']);
    const [finding] = await world.findings();
    expect(finding!.evidence).toMatchObject({ missing: [] });
  });
});
