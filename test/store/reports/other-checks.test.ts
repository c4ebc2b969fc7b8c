import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { lockIdentities } from '../../../services/store/locks.ts';
import { storeMails } from '../../../services/store/messages/intake.ts';
import {
  deferOthers,
  type OtherKind,
  openOtherChecks,
  reopenOthers,
  type StoredOther,
  settleOthers,
  settleUnchecked,
  takeDueOthers,
  waitingOthers,
} from '../../../services/store/reports/other-checks.ts';
import type { Trust } from '../../../services/store/reports/trust.ts';
import { arrivalOf } from '../../helpers/arrival.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { waitsFor } from '../../helpers/waits.ts';

let t: TestDatabase;
/** Keys of three mails, ascending. */
let mails: [number, number, number];
const RECEIVED = new Date('2026-09-02T03:00:00Z');
beforeEach(async () => {
  t = await testDatabase({ max: 4 });
  const { stored } = await transaction(t.db, (tx) =>
    storeMails(
      tx,
      { mailbox: 'rua', folder: 'INBOX', uidValidity: 1 },
      [1, 2, 3].map((n) => arrivalOf(Buffer.from(`mail ${n}`), RECEIVED)),
    ),
  );
  mails = stored as typeof mails;
});
afterEach(() => t.drop());

/**
 * A TLS report of identity `aa`, received the later the greater its content, and a failure report, with these
 * contents. @returns their keys
 */
const tlsReport = async (content_hash: string, message_key = mails[0], superseded_by: number | null = null) =>
  (
    await t.db.query<{ key: number }>(
      `insert into ruawatch.tls_reports (message_key, part, identity, content_hash, org_name, contact_info, report_id, begin_at, end_at, problems,
              received_at, superseded_by)
       values ($1, 0, decode('aa', 'hex'), decode($2, 'hex'), 'Reporter', 'tls@reporter.example', 'r1', now(), now(), '[]',
               timestamptz '2026-09-02' + get_byte(decode($2, 'hex'), 0) * interval '1 hour', $3)
       returning tls_report_key as key`,
      [message_key, content_hash, superseded_by],
    )
  ).rows[0]!.key;
const failureReport = async (content_hash: string, message_key = mails[0]) =>
  (
    await t.db.query<{ key: number }>(
      `insert into ruawatch.failure_reports (message_key, part, content_hash, form, reporter, domain, auth_failure, authentication_results,
              original_rcpt_to, redacted, problems, received_at)
       values ($1, 0, decode($2, 'hex'), 'arf', 'sender.example', 'example.com', '[]', '[]', '[]', true, '[]', now())
       returning failure_key as key`,
      [message_key, content_hash],
    )
  ).rows[0]!.key;
const stored = (message_key: number, content_hash: string, identity = 'aa'): StoredOther => ({
  message_key,
  identity,
  content_hash,
});
const open = (kind: OtherKind, ...items: StoredOther[]) => transaction(t.db, (tx) => openOtherChecks(tx, kind, items));
const trust = (said: 'ok' | 'bad', of: string): Trust => ({
  reporter_trust: said === 'ok' ? 'authenticated' : 'mismatched',
  trust: said,
  domain: of,
  reason: `It is ${said}, by ${of}.`,
  reporter: { key: of, label: of, known: false },
});
const rows = async (sql: string) => (await t.db.query(sql)).rows;
const told = (table: 'tls_reports' | 'failure_reports') =>
  rows(
    `select encode(content_hash, 'hex') as content, reporter_trust, trust, trust_reason, trust_domain from ruawatch.${table} order by 1`,
  );
const pending = { reporter_trust: null, trust: 'pending', trust_reason: null, trust_domain: null };
const written = (said: 'ok' | 'bad', of: string) => {
  const { reporter_trust, trust: verdict, reason, domain } = trust(said, of);
  return { reporter_trust, trust: verdict, trust_reason: reason, trust_domain: domain };
};
/** Nothing may be asked of it. */
const unused = {} as never;

test('nothing to do asks nothing of the database', async () => {
  expect(await openOtherChecks(unused, 'tls', [])).toEqual(new Set());
  await settleUnchecked(unused, 'tls', [], { reporter_trust: null, trust: 'ok', reason: '' });
  await settleOthers(unused, []);
});

test('a report waits for each of its mails until one has proven it', async () => {
  const [tls, failure] = [await tlsReport('01'), await failureReport('0f')];
  // A second time opens nothing, and what is not stored has no check.
  expect(await open('tls', stored(mails[0], '01'), stored(mails[1], '01'), stored(mails[2], '07'))).toEqual(
    new Set([mails[0], mails[1]]),
  );
  expect(await open('tls', stored(mails[0], '01'))).toEqual(new Set());
  expect(await open('failure', stored(mails[0], '0f', '0f'))).toEqual(new Set([mails[0]]));
  const check = {
    attempts: 0,
    mailbox: 'rua',
    received_at: RECEIVED,
    stored_at: expect.any(Date),
    size: 6,
    org_name: 'Reporter',
    org_email: 'tls@reporter.example',
  };
  expect(await waitingOthers(t.db, [...mails].reverse())).toEqual([
    { ...check, message_key: mails[0], kind: 'failure', report_key: failure, org_name: 'sender.example', org_email: null },
    { ...check, message_key: mails[0], kind: 'tls', report_key: tls },
    { ...check, message_key: mails[1], kind: 'tls', report_key: tls },
  ]);
  await t.db.query("update ruawatch.tls_reports set reporter_trust = 'authenticated'");
  expect(await open('tls', stored(mails[2], '01'))).toEqual(new Set());
});

test('checks that are due are taken once, in the order of their mails, and put off after an attempt', async () => {
  await tlsReport('01');
  await failureReport('0f');
  await open('tls', stored(mails[0], '01'), stored(mails[1], '01'));
  await open('failure', stored(mails[1], '0f', '0f'));
  const due = (key: number, minutes: number) =>
    t.db.query("update ruawatch.other_checks set due_at = now() - $2 * interval '1 minute' where message_key = $1", [
      key,
      minutes,
    ]);
  expect(await takeDueOthers(t.db, 60, 10)).toEqual([]);
  await due(mails[1], 20);
  await due(mails[0], 10);
  expect(await takeDueOthers(t.db, 60, 2)).toEqual([mails[1]]);
  expect(await takeDueOthers(t.db, 60, 2)).toEqual([mails[0]]);
  await due(mails[1], 20);
  await due(mails[0], 10);
  expect(await takeDueOthers(t.db, 60, 10)).toEqual([mails[0], mails[1]]);
  const [first] = await waitingOthers(t.db, [mails[0]]);
  await deferOthers(t.db, [first!], -60);
  expect(await takeDueOthers(t.db, 60, 10)).toEqual([mails[0]]);
  expect((await waitingOthers(t.db, mails)).map(({ kind, attempts }) => [kind, attempts])).toEqual([
    ['tls', 1],
    ['failure', 0],
    ['tls', 0],
  ]);
});

test('of two verdicts the better stands, a bad one waits for the other mails, and each kind has its own', async () => {
  const later = await tlsReport('02', mails[1]);
  const tls = await tlsReport('01', mails[0], later);
  const failure = await failureReport('0f');
  await open('tls', stored(mails[0], '01'), stored(mails[1], '01'), stored(mails[2], '01'), stored(mails[1], '02'));
  await open('failure', stored(mails[0], '0f', '0f'), stored(mails[1], '0f', '0f'));
  const checks = await waitingOthers(t.db, mails);
  const of = (kind: OtherKind, message_key: number, report_key: number) =>
    checks.find((one) => one.kind === kind && one.message_key === message_key && one.report_key === report_key)!;
  const standing = () =>
    rows("select encode(content_hash, 'hex') as content, superseded_by from ruawatch.tls_reports order by 1");
  await settleOthers(t.db, [{ check: of('tls', mails[0], tls), verdict: trust('bad', 'a.example') }]);
  expect(await told('tls_reports')).toEqual([
    { content: '01', ...pending },
    { content: '02', ...pending },
  ]);
  expect(await standing()).toEqual([
    { content: '01', superseded_by: later },
    { content: '02', superseded_by: null },
  ]);
  await settleOthers(t.db, [
    { check: of('tls', mails[1], tls), verdict: trust('ok', 'b.example') },
    { check: of('tls', mails[2], tls), verdict: trust('bad', 'c.example') },
    { check: of('failure', mails[0], failure), verdict: { ...trust('ok', 'd.example'), reporter_trust: null } },
    { check: of('failure', mails[1], failure), verdict: trust('bad', 'f.example') },
  ]);
  expect(await told('tls_reports')).toEqual([
    { content: '01', ...written('ok', 'b.example') },
    { content: '02', ...pending },
  ]);
  expect(await told('failure_reports')).toEqual([{ content: '0f', ...written('ok', 'd.example'), reporter_trust: null }]);
  // What is proven stands before what came later.
  expect(await standing()).toEqual([
    { content: '01', superseded_by: null },
    { content: '02', superseded_by: tls },
  ]);
  expect((await waitingOthers(t.db, mails)).map(({ kind, report_key }) => [kind, report_key])).toEqual([['tls', later]]);
  // One that is proven stays so.
  await settleOthers(t.db, [{ check: of('tls', mails[2], tls), verdict: trust('ok', 'e.example') }]);
  expect((await told('tls_reports'))[0]).toEqual({ content: '01', ...written('ok', 'b.example') });
});

test('a verdict is written while nobody else changes the report', async () => {
  await tlsReport('01');
  await open('tls', stored(mails[0], '01'));
  const [check] = await waitingOthers(t.db, mails);
  const settle = () => settleOthers(t.db, [{ check: check!, verdict: trust('ok', 'a.example') }]);
  expect(await waitsFor(t.db, (tx) => lockIdentities(tx, ['aa']), settle)).toBe(true);
});

test('what no mail is to prove counts as it is, unless it waits or counts already', async () => {
  await tlsReport('01');
  await tlsReport('02', mails[1], 1);
  await tlsReport('03', mails[2], 1);
  await open('tls', stored(mails[1], '02'));
  await t.db.query(
    "update ruawatch.tls_reports set trust = 'ok', trust_reason = 'Before.' where content_hash = decode('03', 'hex')",
  );
  const verdict = { reporter_trust: null, trust: 'ok', reason: 'x'.repeat(600) } as const;
  await transaction(t.db, (tx) =>
    settleUnchecked(
      tx,
      'tls',
      ['01', '02', '03'].map((hash, i) => stored(mails[i]!, hash)),
      verdict,
    ),
  );
  expect(await told('tls_reports')).toEqual([
    { content: '01', ...pending, trust: 'ok', trust_reason: 'x'.repeat(500) },
    { content: '02', ...pending },
    { content: '03', ...pending, trust: 'ok', trust_reason: 'Before.' },
  ]);
});

test('checks of both kinds are opened again, on request also of what was found unproven, each mail once', async () => {
  await failureReport('0f', mails[2]);
  await failureReport('0e', mails[0]);
  await tlsReport('01', mails[2]);
  await tlsReport('02', mails[1], 1);
  await t.db.query("update ruawatch.failure_reports set trust = 'bad', reporter_trust = 'mismatched' where message_key = $1", [
    mails[0],
  ]);
  await t.db.query("update ruawatch.tls_reports set trust = 'ok', reporter_trust = 'authenticated' where message_key = $1", [
    mails[1],
  ]);
  expect(await reopenOthers(t.db, 'import', { unproven: false })).toEqual([mails[2]]);
  expect((await waitingOthers(t.db, mails)).map(({ message_key, kind }) => [message_key, kind])).toEqual([
    [mails[2], 'failure'],
    [mails[2], 'tls'],
  ]);
  expect(await reopenOthers(t.db, 'import', { unproven: true })).toEqual([mails[0], mails[2]]);
  await t.db.query('update ruawatch.tls_reports set reporter_trust = null where message_key = $1', [mails[1]]);
  expect(await reopenOthers(t.db, 'import', { unproven: true })).toEqual(mails);
  // Imported mails count as they are.
  expect(await reopenOthers(t.db, 'rua', { unproven: true })).toEqual([]);
});
