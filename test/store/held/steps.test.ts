import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadHeld } from '../../../services/store/held/held.ts';
import { holdMessage } from '../../../services/store/held/hold.ts';
import { clearBounce, noteBounce, retryHeld } from '../../../services/store/held/steps.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { heldOf, KEY } from '../../requests/held/sample.ts';
import { GROUPS, rulesOf } from '../../requests/sample.ts';

let t: TestDatabase;
let key: number;
beforeEach(async () => {
  t = await testDatabase();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  const rules = rulesOf({ name: 'held', when: { kinds: ['messages.release'] }, stages: [{ group: 'mail' }] });
  ({ held_key: key } = await holdMessage(t.db, heldOf(), { rules, key: KEY, most: 100 }));
});
afterEach(() => t.drop());

test('what could not be done is tried again after twice the time, five minutes at most', async () => {
  const at = new Date('2026-11-20T12:00:00Z');
  const waits: number[] = [];
  for (let i = 0; i < 11; i++) {
    await retryHeld(t.db, await loadHeld(t.db, key), `No ${i}.`, at);
    const { rows } = await t.db.query<{ retry_at: Date; answer: string; tries: number }>(
      'select retry_at, answer, tries from ruawatch.held_messages',
    );
    expect(rows[0]).toMatchObject({ answer: `No ${i}.`, tries: i + 1 });
    waits.push((rows[0]!.retry_at.getTime() - at.getTime()) / 1000);
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
});

test('of two processes that are to tell the sender one does, and again when it has certainly not gone', async () => {
  const told = await Promise.all([noteBounce(t.db, key), noteBounce(t.db, key)]);
  expect(told.sort()).toEqual([false, true]);
  expect(await noteBounce(t.db, key)).toBe(false);
  await clearBounce(t.db, key);
  expect(await noteBounce(t.db, key)).toBe(true);
});
