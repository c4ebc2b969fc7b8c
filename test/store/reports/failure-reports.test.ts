import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FailureReport } from '../../../services/report/model.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { lockIdentities } from '../../../services/store/locks.ts';
import { storeFailures } from '../../../services/store/reports/failure-reports.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { waitsFor } from '../../helpers/waits.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase({ max: 4 });
});
afterEach(() => t.drop());

const RECEIVED = new Date('2026-09-02T03:00:00Z');
const report = (more: Partial<FailureReport> = {}): FailureReport => ({
  kind: 'failure',
  form: 'arf',
  reporter: 'sender.example',
  user_agent: 'Lua/1.0',
  domain: 'example.com',
  source_ip: '192.0.2.1',
  arrived: Date.UTC(2026, 8, 1) / 1000,
  incidents: 3,
  auth_failure: ['dmarc', 'spf'],
  identity_alignment: 'dkim',
  delivery_result: 'reject',
  authentication_results: ['mx.example.net; dmarc=fail'],
  dkim_domain: 'd.example',
  dkim_selector: 's1',
  dkim_identity: '@d.example',
  original_envelope_id: 'e1',
  original_mail_from: '***@example.com',
  original_rcpt_to: ['***@example.net'],
  header_from: '***@example.com',
  subject: '***',
  message_id: '<m1@example.com>',
  redacted: true,
  problems: [],
  content_hash: '01',
  ...more,
});
const store = (...given: [message_key: number, report: FailureReport][]) =>
  transaction(t.db, (tx) =>
    storeFailures(
      tx,
      given.map(([message_key, one], part) => ({ message_key, part, received_at: RECEIVED, report: one })),
    ),
  );

test('all that a report says is kept, with what it leaves open', async () => {
  expect(await store()).toEqual([]);
  const open = { arrived: null, source_ip: null, incidents: null, content_hash: '02', domain: 'x'.repeat(300) };
  expect(await store([7, report()], [8, report(open)])).toEqual(['stored', 'stored']);
  const { rows } = await t.db.query(
    `select *, encode(content_hash, 'hex') as content_hash from ruawatch.failure_reports order by message_key`,
  );
  const { kind: _, arrived: __, ...told } = report();
  const row = {
    ...told,
    failure_key: expect.any(Number),
    message_key: 7,
    part: 0,
    duplicates: 0,
    arrived_at: new Date('2026-09-01T00:00:00Z'),
    received_at: RECEIVED,
    reporter_trust: null,
    trust: 'pending',
    trust_reason: null,
    trust_domain: null,
  };
  expect(rows).toEqual([
    row,
    {
      ...row,
      message_key: 8,
      part: 1,
      content_hash: '02',
      arrived_at: null,
      source_ip: null,
      incidents: null,
      domain: 'x'.repeat(255),
    },
  ]);
});

test('one that came again is counted on the one that is stored, within a batch and later', async () => {
  const again = report({ content_hash: '02' });
  expect(await store([7, report()], [8, report()], [9, again], [10, report()])).toEqual([
    'stored',
    'duplicate',
    'stored',
    'duplicate',
  ]);
  const counted = async () =>
    (await t.db.query('select message_key, duplicates from ruawatch.failure_reports order by 1')).rows.map(Object.values);
  expect(await counted()).toEqual([
    [7, 2],
    [9, 0],
  ]);
  expect(await store([11, again], [12, report({ content_hash: '03' })], [13, again])).toEqual([
    'duplicate',
    'stored',
    'duplicate',
  ]);
  expect(await counted()).toEqual([
    [7, 2],
    [9, 2],
    [12, 0],
  ]);
});

test('it is stored while nobody else stores the same', async () => {
  expect(
    await waitsFor(
      t.db,
      (tx) => lockIdentities(tx, ['01']),
      () => store([7, report()]),
    ),
  ).toBe(true);
});
