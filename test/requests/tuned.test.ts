import { expect, test } from 'vitest';
import { seal } from '../../services/requests/plan.ts';
import { planReduce } from '../../services/requests/plans/reduce.ts';
import { changeLines } from '../../services/requests/plans/text.ts';
import { neverChanged, tunedFromUse, type UsedTarget } from '../../services/requests/tuned.ts';

const HOUR = 3600;
const used = (given: Partial<UsedTarget> = {}): UsedTarget => ({
  setting: 'access.database',
  server: 'main',
  what: 'app_readers',
  grants: 9,
  known: 9,
  unused: 2,
  asked_most: 8 * HOUR,
  used_most: 40 * 60,
  used_median: 40 * 60,
  longest: 24 * HOUR,
  usual: null,
  lends: null,
  names: [],
  names_used: [],
  ...given,
});

test('the longest use and half as much again is enough, by steps that people think in', () => {
  const [wish] = tunedFromUse([used()]);
  expect(wish).toMatchObject({
    what: 'longest_hours of access.database.main',
    before: '1 day',
    after: '1 hour',
    run: 'access.database: main: longest_hours: 1',
    seen: { by: 'settings', id: 'longest:main', value: '3600' },
  });
  expect(wish!.why[0]).toContain('9 grants, 2 of them never seen in use');
  const plan = planReduce(wish!);
  expect(() => seal(plan)).not.toThrow();
  expect(changeLines(plan)).toEqual([
    '- longest_hours of access.database.main: 1 day',
    '+ longest_hours of access.database.main: 1 hour',
    '  by hand: access.database: main: longest_hours: 1',
  ]);
});

test.each([0.25, 0.5, 1, 2, 4, 8, 24, 72, 168])('%d hours are a step, and what is longer takes the next', (hours) => {
  const seconds = hours * HOUR;
  const of = (used_most: number) =>
    tunedFromUse([used({ used_most, used_median: used_most, longest: 400 * HOUR })])[0]?.seen.value;
  expect(of(seconds / 1.5)).toBe(String(seconds));
  expect(of(seconds / 1.5 + 1)).not.toBe(String(seconds));
  // What the settings have already is not proposed again.
  expect(tunedFromUse([used({ used_most: seconds / 1.5, used_median: 1, longest: seconds, usual: 900 })])).toEqual([]);
});

test('each wish says in full what it rests on', () => {
  const of = (given: Partial<UsedTarget>) => tunedFromUse([used(given)]).map(({ summary, why }) => [summary, ...why]);
  expect(of({ used_most: 0, used_median: 0, usual: null })).toEqual([
    [
      'Lend at main for 15 minutes at most, in place of 1 day.',
      'Tuned from use: 9 grants, 2 of them never seen in use (sessions are looked for every minute); asked for 8 hours at most, used for 1 second at most.',
    ],
  ]);
  expect(of({ used_most: 5 * HOUR, used_median: 0, unused: 0 })).toEqual([
    [
      'Lend at main for 8 hours at most, in place of 1 day.',
      'Tuned from use: 9 grants, 0 of them never seen in use (sessions are looked for every minute); asked for 8 hours at most, used for 5 hours at most.',
    ],
    [
      'Lend at main for 15 minutes when nobody asks for another time.',
      'Tuned from use: 9 grants, 0 of them never seen in use (sessions are looked for every minute); half of the uses took 1 second or less.',
    ],
  ]);
  const names = Array.from({ length: 12 }, (_, i) => `n${i}.example.com`);
  const dns = { setting: 'access.dns', longest: HOUR, lends: null } as const;
  const never = (given: string[]) =>
    of({ ...dns, names: given, names_used: ['n0.example.com'] }).map(([, why]) => /; no other.*$/.exec(why!)?.[0]);
  expect(never(['n0.example.com'])).toEqual(['; no other names were changed.']);
  expect(never(names)).toEqual([
    `; no other names were changed, and never changed: ${names.slice(1).sort().slice(0, 10).join(', ')}.`,
  ]);
});

test('five grants that are known say enough', () => {
  expect(tunedFromUse([used({ known: 5, grants: 5 })])).toHaveLength(1);
  expect(tunedFromUse([used({ known: 5, grants: 5, unused: 5, used_most: null })])).toHaveLength(1);
  expect(tunedFromUse([used({ known: 4, grants: 4, unused: 4, used_most: null })])).toEqual([]);
});

test('ten names, of two hundred characters, are proposed, and no more', () => {
  const of = (names: string[]) =>
    tunedFromUse([used({ setting: 'access.dns', longest: HOUR, names, names_used: names })]).map(({ after }) => after);
  const ten = Array.from({ length: 10 }, (_, i) => `n${i}.example.com`);
  expect(of(ten)).toEqual([ten.join(' ')]);
  expect(of([...ten, 'n10.example.com'])).toEqual([]);
  const long = (n: number) => [`${'a'.repeat(n - 1)}b`];
  expect([of(long(200)).length, of(long(201)).length]).toEqual([1, 0]);
});

test('a role of which no grant was used is not lent any more', () => {
  expect(tunedFromUse([used({ unused: 9, used_most: null })])).toMatchObject([
    { after: 'app_readers is not lent', seen: { id: 'group:main', value: 'app_readers' } },
  ]);
});

test.each([
  ['too few grants', { known: 4, grants: 4 }],
  ['nobody knows of its use', { known: 0, used_most: null }],
  ['all of the time is used', { used_most: 20 * HOUR, used_median: 20 * HOUR }],
  ['it is short already', { longest: HOUR }],
  ['longer than any step', { used_most: 200 * HOUR, used_median: 200 * HOUR, longest: 400 * HOUR }],
  ['not used, but of another kind', { setting: 'access.dns', unused: 9, used_most: null }],
])('%s: nothing is proposed', (_, given) => {
  expect(tunedFromUse([used(given)])).toEqual([]);
});

test('a setting of a target is for all that it lends: the longest use of any of it counts', () => {
  const rows = [used(), used({ what: 'app_writers', used_most: 5 * HOUR }), used({ server: 'other', used_most: 60 })];
  expect(tunedFromUse(rows).map(({ seen }) => [seen.id, seen.value])).toEqual([
    ['longest:main', String(8 * HOUR)],
    ['default:main', String(HOUR)],
    ['longest:other', '900'],
  ]);
});

test('half of the uses say for how long something is lent when nobody says', () => {
  const long = { used_most: 7 * HOUR, used_median: 20 * 60 };
  expect(tunedFromUse([used(long)]).at(-1)).toMatchObject({
    what: 'default_hours of access.database.main',
    before: 'not set: --for has to be said',
    run: 'access.database: main: default_hours: 0.5',
    seen: { id: 'default:main', value: '1800' },
  });
  // The most that a use took, and half as much again, is no less than what the settings have.
  expect(tunedFromUse([used({ ...long, longest: 8 * HOUR, usual: 1800 })])).toEqual([]);
  expect(tunedFromUse([used({ ...long, longest: 8 * HOUR, usual: HOUR })])).toHaveLength(1);
});

test('names that were changed are those that are to be lent', () => {
  const dns = { setting: 'access.dns', server: 'primary', what: 'example.com', longest: HOUR, used_most: 40 * 60 };
  const names = { names: ['.app.example.com', 'b.example.com'], names_used: ['x.app.example.com', 'y.app.example.com'] };
  expect(tunedFromUse([used({ ...dns, ...names })])).toMatchObject([
    {
      before: 'all names of its zones',
      after: 'x.app.example.com y.app.example.com',
      run: 'access.dns: primary: names: [x.app.example.com, y.app.example.com]',
      seen: { id: 'names:primary', value: 'x.app.example.com y.app.example.com' },
      why: [expect.stringContaining('never changed: b.example.com')],
    },
  ]);
  expect(tunedFromUse([used({ ...dns, ...names, lends: ['x.app.example.com'] })])).toEqual([]);
  expect(tunedFromUse([used({ ...dns, ...names, names_used: [] })])).toEqual([]);
  const many = Array.from({ length: 11 }, (_, n) => `n${n}.example.com`);
  expect(tunedFromUse([used({ ...dns, ...names, names_used: many })])).toEqual([]);
});

test('names that were asked for and never changed', () => {
  expect(
    neverChanged({ names: ['a.example.com', '.app.example.com', '.b.example.com'], names_used: ['x.app.example.com'] }),
  ).toEqual(['a.example.com', '.b.example.com']);
});
