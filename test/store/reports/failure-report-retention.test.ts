import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { measureArchive } from '../../../services/store/messages/archive.ts';
import { storeMails } from '../../../services/store/messages/intake.ts';
import { dropFailureReports, notePersonal } from '../../../services/store/reports/failure-report-retention.ts';
import { arrivalOf } from '../../helpers/arrival.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
/** Keys of four mails, ascending, each with a failure report; the last is still to be read. */
let keys: number[];
beforeEach(async () => {
  t = await testDatabase();
  const mails = [1, 2, 3, 4].map((n) => ({
    ...arrivalOf(Buffer.from(`mail ${n}`)),
    sender: 'x@example.net',
    subject: n === 1 ? null : 'about somebody',
  }));
  const place = { mailbox: 'rua', folder: null, uidValidity: null };
  keys = (await transaction(t.db, (tx) => storeMails(tx, place, mails))).stored;
  await t.db.query("update ruawatch.messages set state = 'stored' where message_key <> $1", [keys[3]]);
  await t.db.query(
    `insert into ruawatch.failure_reports (message_key, part, content_hash, form, domain, auth_failure, authentication_results,
            original_rcpt_to, redacted, problems, received_at)
     select k, 0, decode(lpad(to_hex(k), 8, '0'), 'hex'), 'arf', 'example.com', '[]', '[]', '[]', true, '[]', now() from unnest($1::bigint[]) k`,
    [keys],
  );
});
afterEach(() => t.drop());

const note = (some: number[], hideSubjects: boolean) => transaction(t.db, (tx) => notePersonal(tx, some, hideSubjects));
const subjects = async () =>
  (await t.db.query<{ subject: string | null; key: number }>('select message_key as key, subject from ruawatch.messages')).rows
    .sort((a, b) => a.key - b.key)
    .map(({ subject }) => subject);
const numbers = async (sql: string) =>
  (await t.db.query<{ key: number }>(sql)).rows.map(({ key }) => keys.indexOf(key) + 1).sort((a, b) => a - b);

test('what holds personal data is noted once, and its subject hidden on request, where it has one', async () => {
  await notePersonal({} as never, [], true);
  const first = await subjects();
  await note(keys.slice(0, 2), false);
  expect(await subjects()).toEqual(first);
  await note(keys.slice(0, 3), true);
  const hidden = first.map((subject, i) => (i === 3 || subject === null ? subject : '***'));
  expect(await subjects()).toEqual(hidden);
  expect(await numbers('select message_key as key from ruawatch.personal_mails')).toEqual([1, 2, 3]);
});

test('what is older goes with the bytes of its mail, and the mail stays without sender and subject', async () => {
  await note(keys, false);
  await t.db.query("update ruawatch.personal_mails set stored_at = now() - interval '3 days' where message_key <> $1", [keys[2]]);
  await t.db.query("update ruawatch.personal_mails set stored_at = now() - interval '9 days' where message_key = $1", [keys[1]]);
  await measureArchive(t.db);
  const before = new Date(Date.now() - 2 * 86_400_000);
  const kept = async () => ({
    emptied: await numbers(
      'select message_key as key from ruawatch.messages where raw_gone_at is not null and sender is null and subject is null',
    ),
    whole: await numbers('select message_key as key from ruawatch.messages where raw_gone_at is null and sender is not null'),
    raw: await numbers('select distinct message_key as key from ruawatch.raw'),
    reports: await numbers('select message_key as key from ruawatch.failure_reports'),
    measured: (await t.db.query('select from ruawatch.raw_stock where bytes > 0')).rowCount,
  });
  // The oldest first.
  expect(await dropFailureReports(t.db, before, 1)).toBe(1);
  expect(await kept()).toEqual({ emptied: [2], whole: [1, 3, 4], raw: [1, 3, 4], reports: [1, 3, 4], measured: 0 });
  await measureArchive(t.db);
  expect(await dropFailureReports(t.db, before, 10)).toBe(1);
  const left = { emptied: [1, 2], whole: [3, 4], raw: [3, 4], reports: [3, 4] };
  expect(await kept()).toEqual({ ...left, measured: 0 });
  await measureArchive(t.db);
  expect(await dropFailureReports(t.db, before, 10)).toBe(0);
  expect(await kept()).toEqual({ ...left, measured: 1 });
});

test('a mail that is gone from the archive takes its report along', async () => {
  await note(keys.slice(0, 1), false);
  await t.db.query('delete from ruawatch.messages where message_key = $1', [keys[0]]);
  expect(await dropFailureReports(t.db, new Date(Date.now() + 60_000), 10)).toBe(1);
  expect(await numbers('select message_key as key from ruawatch.failure_reports')).toEqual([2, 3, 4]);
});
