import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { endRetries, loadWeekFindings, markDigest, refusedDigest } from '../../../services/store/alerts/digests.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const RETRY = new Date('2026-10-12T08:00:00Z');
const moments = ['2026-10-05', '2026-10-12', '2026-10-19'].map((day) => new Date(`${day}T07:00:00Z`));
const made = (due: Date) =>
  transaction(t.db, async (tx) => {
    const given = { recipients: ['a@example.org'], domains: ['example.com'], to: ['a@example.org'], now: due };
    const { digest_key } = await markDigest(tx, due, given);
    await tx.query('update ruawatch.digests set retry_at = $2 where digest_key = $1', [digest_key, RETRY]);
    return digest_key;
  });
const waiting = async () =>
  (await t.db.query('select digest_key from ruawatch.digests where retry_at is not null order by due_at')).rows.map(
    (row) => row.digest_key,
  );

test('retries of refused digests end before a moment, or of those that are named', async () => {
  const [first, second, third] = [await made(moments[0]!), await made(moments[1]!), await made(moments[2]!)];
  expect(await waiting()).toEqual([first, second, third]);
  await endRetries(t.db, { digests: [] });
  expect(await waiting()).toEqual([first, second, third]);
  await endRetries(t.db, { before: moments[1]! });
  expect(await waiting()).toEqual([second, third]);
  await endRetries(t.db, { digests: [third] });
  expect(await waiting()).toEqual([second]);
});

test('the newest moment whose digest is due again is named', async () => {
  expect(await refusedDigest(t.db, RETRY)).toBeNull();
  await made(moments[0]!);
  await made(moments[1]!);
  expect(await refusedDigest(t.db, new Date(RETRY.getTime() - 1))).toBeNull();
  expect(await refusedDigest(t.db, RETRY)).toEqual(moments[1]);
});

test('a week without findings has none, and none to look at', async () => {
  const week = { domains: ['example.com'], since: moments[0]!, until: moments[1]!, listed: 10 };
  const none = { findings: [], count: 0, to_do: 0 };
  expect(await transaction(t.db, (tx) => loadWeekFindings(tx, week))).toEqual({
    opened: none,
    resolved: none,
    goes_on: none,
    open: none,
    info: { ...none, open: 0 },
  });
});
