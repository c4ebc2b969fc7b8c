import { expect, test } from 'vitest';
import { moveClassDays } from '../../../services/store/rollups/class-days.ts';
import { dropEmptyPending } from '../../../services/store/rollups/pending.ts';
import { loadPolicyReports, rollUpPolicies } from '../../../services/store/rollups/policy-days.ts';
import { rollUp } from '../../../services/store/rollups/source-days.ts';

/** Nothing may be asked of it. */
const unused = {} as never;
const size = { records: 1, messages: 1, proven: 1, unproven: 1 };
const change = { key: 1, reporter: 'a.example', begin: 0, size };
const policy = {
  p: null,
  sp: null,
  np: null,
  adkim: null,
  aspf: null,
  pct: null,
  fo: null,
  testing: null,
  discovery_method: null,
};

test.each<[string, () => Promise<unknown>, unknown]>([
  ['no report', () => rollUp(unused, []), undefined],
  ['no report of a key', () => loadPolicyReports(unused, []), []],
  ['no policy', () => rollUpPolicies(unused, []), undefined],
  [
    'a report that says nothing of the policy',
    () =>
      rollUpPolicies(unused, [
        { report: { domain: 'example.com', begin: 0, policy: policy as never }, sign: 1, trust: 'ok', reporter: 'a.example' },
      ]),
    undefined,
  ],
  ['no class', () => moveClassDays(unused, 'example.com', []), undefined],
  [
    'reports that were not pending, or enter',
    () =>
      dropEmptyPending(unused, [
        { ...change, sign: -1, trust: 'ok' },
        { ...change, sign: 1, trust: 'pending' },
      ]),
    undefined,
  ],
])('nothing is asked of the database about %s', async (_, ask, answer) => {
  expect(await ask()).toEqual(answer);
});
