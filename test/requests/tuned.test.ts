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
  longest: 24 * HOUR,
  names: [],
  names_used: [],
  ...given,
});

test('the longest use and half as much again is enough, by steps that people think in', () => {
  const [wish] = tunedFromUse(used());
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

test('a role of which no grant was used is not lent any more', () => {
  expect(tunedFromUse(used({ unused: 9, used_most: null }))).toMatchObject([
    { after: 'app_readers is not lent', seen: { id: 'group:main', value: 'app_readers' } },
  ]);
});

test.each([
  ['too few grants', { known: 4, grants: 4 }],
  ['nobody knows of its use', { known: 0, used_most: null }],
  ['all of the time is used', { used_most: 20 * HOUR }],
  ['it is short already', { longest: HOUR }],
  ['longer than any step', { used_most: 200 * HOUR, longest: 400 * HOUR }],
  ['not used, but of another kind', { setting: 'access.dns', unused: 9, used_most: null }],
])('%s: nothing is proposed', (_, given) => {
  expect(tunedFromUse(used(given))).toEqual([]);
});

test('names that were asked for and never changed', () => {
  expect(
    neverChanged({ names: ['a.example.com', '.app.example.com', '.b.example.com'], names_used: ['x.app.example.com'] }),
  ).toEqual(['a.example.com', '.b.example.com']);
});
