import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AggregateReport } from '../../../services/report/model.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { lockIdentities } from '../../../services/store/locks.ts';
import { type NewReport, storeReports, takeReportKeys } from '../../../services/store/reports/reports.ts';
import type { Trust } from '../../../services/store/reports/trust.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { waitsFor } from '../../helpers/waits.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase({ max: 4 });
});
afterEach(() => t.drop());

const DAY = Date.UTC(2026, 8, 2);
const report = (more: Partial<AggregateReport> = {}): AggregateReport => ({
  kind: 'aggregate',
  org_name: 'Reporter',
  org_email: 'dmarc@reporter.example',
  extra_contact_info: 'https://reporter.example/',
  report_id: 'r1',
  domain: 'example.com',
  begin: Date.UTC(2026, 8, 1) / 1000,
  end: Date.UTC(2026, 8, 1) / 1000 + 86_399,
  version: '1.0',
  generator: 'g 1',
  errors: ['e'],
  policy: {
    domain: 'example.com',
    adkim: 'r',
    aspf: 's',
    p: 'reject',
    sp: 'none',
    np: 'quarantine',
    pct: '50',
    fo: '1',
    testing: 'y',
    discovery_method: 'treewalk',
  },
  problems: [],
  salvaged: false,
  // One with records needs them in their table.
  records: 0,
  messages: 5,
  identity: 'aa',
  content_hash: '01',
  ...more,
});
const reporterOf = (key: string) => ({ key, label: key, known: key === 'google.com' });
const trusted = (key: string, more: Partial<Trust> = {}): Trust => ({
  reporter_trust: 'authenticated',
  trust: 'ok',
  domain: key,
  reason: `It is of ${key}.`,
  reporter: reporterOf(key),
  ...more,
});
/** What came in a mail, so many seconds after midnight: a report, with what is known of it. */
type Given = [message_key: number, second: number, report: AggregateReport, trust: Trust | null];
async function store(...given: Given[]) {
  const keys = await takeReportKeys(t.db, given.length);
  const items = given.map(
    ([message_key, second, one, trust], part): NewReport => ({
      key: keys[part]!,
      message_key,
      part,
      received_at: new Date(DAY + second * 1_000),
      report: one,
      trust,
      reporter: trust?.reporter ?? reporterOf('claimed.example'),
    }),
  );
  const { outcomes, kept, signs, unverified, allowances } = await transaction(t.db, (tx) => storeReports(tx, items));
  // By the place in what was given: keys are of the sequence.
  const named = <T>(map: Map<number, T>) => [...map].map(([key, value]) => [nameOf(key), value]);
  const nameOf = (key: number) => (keys.includes(key) ? keys.indexOf(key) : 'stored before');
  return {
    outcomes: named(outcomes),
    kept: kept.map(({ key }) => nameOf(key)),
    signs: named(signs),
    unverified: [...unverified],
    allowances: named(allowances),
  };
}
/** Each content, what superseded it, how often it came again, since when, and how it counts. */
const contents = async () =>
  (
    await t.db.query(
      `select encode(r.identity, 'hex') || ' ' || encode(r.content_hash, 'hex') as content, encode(s.content_hash, 'hex') as by, r.duplicates,
              extract(epoch from r.received_at - '2026-09-02Z')::int as second, r.trust, r.reporter
         from ruawatch.reports r left join ruawatch.reports s on s.report_key = r.superseded_by order by 1`,
    )
  ).rows.map((row) => Object.values(row));
const checks = async () =>
  (
    await t.db.query(
      `select c.message_key, encode(r.content_hash, 'hex') as content from ruawatch.trust_checks c join ruawatch.reports r using (report_key) order by 1, 2`,
    )
  ).rows.map((row) => Object.values(row));

const PROVEN = { proven: 2_000, unproven: 100 };

test('all that a report says is kept, with what is known of its mail', async () => {
  await store([7, 9, report({ domain: 'x'.repeat(300) }), trusted('reporter.example')]);
  const { rows } = await t.db.query(
    `select *, encode(identity, 'hex') as identity, encode(content_hash, 'hex') as content_hash from ruawatch.reports`,
  );
  expect(rows).toEqual([
    expect.objectContaining({
      message_key: 7,
      part: 0,
      identity: 'aa',
      content_hash: '01',
      superseded_by: null,
      duplicates: 0,
      org_name: 'Reporter',
      org_email: 'dmarc@reporter.example',
      extra_contact_info: 'https://reporter.example/',
      reporter: 'reporter.example',
      report_id: 'r1',
      domain: 'x'.repeat(255),
      begin_at: new Date('2026-09-01T00:00:00Z'),
      end_at: new Date('2026-09-01T23:59:59Z'),
      policy_p: 'reject',
      policy_sp: 'none',
      policy_np: 'quarantine',
      policy_pct: 50,
      policy_fo: '1',
      policy_testing: 'y',
      adkim: 'r',
      aspf: 's',
      discovery_method: 'treewalk',
      version: '1.0',
      generator: 'g 1',
      errors: ['e'],
      problems: [],
      records: 0,
      messages: 5,
      salvaged: false,
      received_at: new Date(DAY + 9_000),
      trust: 'ok',
      reporter_trust: 'authenticated',
      trust_reason: 'It is of reporter.example.',
      trust_domain: 'reporter.example',
      allowance_proven: 2_000,
      allowance_unproven: 100,
    }),
  ]);
});

test('a batch decides which version of an identity stands, what repeats another, and which mail may prove more', async () => {
  const byHand = trusted('a.example', { reporter_trust: null });
  const failed = trusted('b.example', { trust: 'bad', reporter_trust: 'mismatched' });
  expect(
    await store(
      [1, 10, report(), null],
      [2, 5, report({ content_hash: '02' }), trusted('a.example')],
      [3, 7, report(), failed],
      [3, 8, report({ identity: 'bb' }), byHand],
    ),
  ).toEqual({
    outcomes: [
      [0, 'stored'],
      [1, 'superseding'],
      [2, 'duplicate'],
      [3, 'stored'],
    ],
    kept: [0, 1, 3],
    signs: [
      [1, 1],
      [3, 1],
    ],
    unverified: [1, 3],
    allowances: [
      [0, PROVEN],
      [1, PROVEN],
      [3, { proven: 2_000, unproven: 50 }],
    ],
  });
  expect(await contents()).toEqual([
    ['aa 01', '02', 1, 7, 'pending', 'claimed.example'],
    ['aa 02', null, 0, 5, 'ok', 'a.example'],
    ['bb 01', null, 0, 8, 'ok', 'a.example'],
  ]);
  expect(await checks()).toEqual([
    [1, '01'],
    [3, '01'],
  ]);
  // A known reporter's own mail may prove what stands under another; a newer version takes its place.
  expect(
    await store(
      [4, 3, report({ content_hash: '02' }), trusted('google.com')],
      [5, 30, report({ content_hash: '02' }), trusted('c.example')],
      [6, 20, report({ content_hash: '03' }), trusted('a.example')],
      [6, 1, report({ content_hash: '04', salvaged: true }), failed],
    ),
  ).toEqual({
    outcomes: [
      [0, 'duplicate'],
      [1, 'duplicate'],
      [2, 'superseding'],
      [3, 'superseded'],
    ],
    kept: [2, 3],
    signs: [
      ['stored before', -1],
      [2, 1],
    ],
    unverified: [4],
    allowances: [
      [2, { proven: 2_000, unproven: 50 }],
      [3, { proven: 2_000, unproven: 50 }],
    ],
  });
  expect(await contents()).toEqual([
    ['aa 01', '02', 1, 7, 'pending', 'claimed.example'],
    ['aa 02', '03', 2, 3, 'ok', 'a.example'],
    ['aa 03', null, 0, 20, 'ok', 'a.example'],
    ['aa 04', '03', 0, 1, 'bad', 'b.example'],
    ['bb 01', null, 0, 8, 'ok', 'a.example'],
  ]);
  expect(await checks()).toEqual([
    [1, '01'],
    [3, '01'],
    [4, '02'],
  ]);
});

test('reports are stored while nobody else stores one of their identities', async () => {
  expect(
    await waitsFor(
      t.db,
      (tx) => lockIdentities(tx, ['aa']),
      () => store([1, 10, report(), null]),
    ),
  ).toBe(true);
});
