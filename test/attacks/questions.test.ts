import { afterEach, describe, expect, test } from 'vitest';
import { readDocument, sections, sqlBlocks } from '../docs/markdown.ts';
import type { TestRow } from '../helpers/report.ts';
import { GOOGLE, knotPresent, mailOf, startWorld, titled, type World } from './harness.ts';
import { attack, Cast, daysFrom, noonAfter, own, stranger, whitewash } from './standing.ts';

const EVIL = stranger('evil-receiver.example');
const LAST = 33;
const TODAY = noonAfter(LAST).toISOString().slice(0, 10);
/**
 * The questions that add up days: what fails, what a policy would reject, rates, policies, readiness, what is
 * new.
 */
const SUMMED = [1, 2, 3, 5, 7, 12, 13];

/**
 * Threat: what nobody believes opens no finding, and is summed up all the same by whoever asks the database.
 */
describe.skipIf(!knotPresent)(titled('the questions of docs/queries.md, asked after a stranger has told his lies'), () => {
  let world: World;
  afterEach(() => world.close());

  const answers = () =>
    Promise.all(
      SUMMED.map(async (n) => {
        const { text } = sections(readDocument('queries.md')).find(({ title }) => title.startsWith(`${n}. `))!;
        return [n, await world.query(sqlBlocks(text)[0]!.replaceAll(/\bcurrent_date\b/g, `date '${TODAY}'`))];
      }),
    );

  test('are answered as before', async () => {
    world = await startWorld();
    const cast = await Cast.of(world, [GOOGLE, EVIL]);
    await cast.past([GOOGLE], daysFrom(0, LAST - 3), [own()]);
    const service = {
      ip: '198.51.100.1',
      count: 40,
      dkim: 'fail',
      spf: 'fail',
      auth_dkim: ['service.test', 'pass'],
      auth_spf: null,
    };
    for (const day of [LAST - 2, LAST - 1]) {
      await cast.bring(day, [
        cast.report(GOOGLE, day, [own(), attack(300), service as TestRow], day === LAST - 1 ? { p: 'none' } : {}),
      ]);
    }
    const before = await answers();
    for (const [n, rows] of before) expect(rows, `question ${n}`).not.toEqual([]);

    // He says that his own network passes, and was there for weeks; that the domain's server fails; and that
    // another policy is published.
    const lies = [whitewash(9_000_000), { ...attack(9_000_000), ip: '192.0.2.1' }, { ...attack(80), ip: '203.0.114.9' }];
    const unsigned = (day: number) =>
      mailOf(
        { org: GOOGLE.org, id: `lie-${day}`, begin: noonAfter(day - 1).getTime() / 1000, rows: [...lies], p: 'quarantine' },
        { email: GOOGLE.email },
      );
    for (const day of [LAST - 20, LAST - 10, LAST - 1]) {
      await cast.bring(LAST, [cast.report(EVIL, day, [...lies], { p: 'quarantine', id: `evil-${day}` }), unsigned(day)]);
    }
    expect(
      (await world.reports())
        .filter(({ report_id }) => /^(evil|lie)/.test(report_id!))
        .map(({ trust }) => trust)
        .sort(),
    ).toEqual(['bad', 'bad', 'bad', 'ok', 'ok', 'ok']);
    expect(await answers()).toEqual(before);
  });
});
