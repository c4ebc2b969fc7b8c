import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { openLocked } from '../../../services/store/requests/open.ts';
import {
  beginRotation,
  lastRotations,
  noteWaiting,
  type RotationStep,
  rotationsIn,
  rotationsOf,
  type Stepped,
  stepRotation,
} from '../../../services/store/requests/rotations.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { account } from '../../helpers/ledger.ts';
import { planOf, rulesOf } from '../../requests/sample.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const START = new Date('2026-11-27T08:00:00Z');
const later = (hours: number) => new Date(START.getTime() + hours * 3_600_000);
type Act = [string, () => Promise<unknown>];

const begin = (domain: string, at: number): Act => [
  `a rotation of ${domain} is asked for`,
  () => beginRotation(t.db, domain, { person: 'ada@example.com', why: 'yearly' }, later(at)),
];
const step = (from: RotationStep, to: RotationStep, at: number, set: Stepped = {}): Act => [
  `from ${from} to ${to}, ${JSON.stringify(set)}`,
  async () => {
    const [newest] = await rotationsOf(t.db, 'example.com', 1);
    return stepRotation(t.db, { ...newest!, step: from }, to, { actor: 'applier', now: later(at), ...set });
  },
];

test('what is written of rotations', async () => {
  const rules = rulesOf({ name: 'auto', decide: 'automatic', ceiling: { per_day: 9 } });
  const request = { plan: planOf(), requester: 'rotation', requester_kind: 'service' as const, why: 'x' };
  await transaction(t.db, async (tx) => {
    for (let n = 0; n < 7; n++) await openLocked(tx, rules, request, START);
  });
  const acts: Act[] = [
    begin('example.com', 0),
    begin('example.com', 1),
    begin('example.net', 1),
    step('wanted', 'made', 2, { old_selector: 's1', new_selector: 's2', record: 'v=DKIM1; p=x' }),
    step('wanted', 'made', 3),
    ['it waits', () => noteWaiting(t.db, 1, 'for the watcher')],
    ['and still', () => noteWaiting(t.db, 1, 'for the watcher')],
    step('made', 'publishing', 4, { request_key: 7, waits_for: 'its request' }),
    step('publishing', 'published', 5, { old_selector: null, request_key: null, waits_for: null }),
    step('published', 'switched', 6, { switched_at: later(6) }),
    ['which are at some steps', async () => (await rotationsIn(t.db, ['wanted', 'switched'])).map((one) => one.rotation_key)],
    step('switched', 'stopped', 7, { waits_for: 'The key is not ours.' }),
    begin('example.com', 8),
    ['those of a domain', () => rotationsOf(t.db, 'example.com', 5)],
    ['the newest', async () => (await rotationsOf(t.db, 'example.com', 1)).map((one) => one.rotation_key)],
    ['the last of each', async () => [...(await lastRotations(t.db, ['example.com', 'example.net', 'x']))].sort()],
  ];
  const queries = {
    rotation: 'select * from ruawatch.rotations order by rotation_key',
    audit: 'select number, body::jsonb as body from ruawatch.audit order by 1',
  };
  await expect(await account({ db: t.db, start: START, queries }, acts)).toMatchFileSnapshot('golden/rotations.txt');
});
