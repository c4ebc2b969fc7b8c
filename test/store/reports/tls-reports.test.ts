import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TlsReport } from '../../../services/report/model.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { lockIdentities } from '../../../services/store/locks.ts';
import { storeMails } from '../../../services/store/messages/intake.ts';
import { outranksTls, storeTlsReports, type TlsVersion } from '../../../services/store/reports/tls-reports.ts';
import { arrivalOf } from '../../helpers/arrival.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { waitsFor } from '../../helpers/waits.ts';

const version = (more: Partial<TlsVersion>): TlsVersion => ({
  key: 1,
  identity: 'aa',
  content_hash: 'b1',
  received: 5_000,
  superseded_by: null,
  proven: false,
  own: false,
  item: null,
  ...more,
});

test.each<[string, Partial<TlsVersion>, Partial<TlsVersion>]>([
  [
    'a proven one, whoever else says it is its own, came later or is greater',
    { proven: true },
    { own: true, received: 6_000, content_hash: 'b2' },
  ],
  ['of two proven, one of its own', { proven: true, own: true }, { proven: true, received: 6_000, content_hash: 'b2' }],
  ['one of its own', { own: true }, { received: 6_000, content_hash: 'b2' }],
  ['of two such, the one that came later', { received: 5_001 }, { content_hash: 'b2' }],
  ['of two at once, the greater', { content_hash: 'b2' }, {}],
])('first among the versions of a TLS report is %s', (_, first, second) => {
  expect([outranksTls(version(first), version(second)), outranksTls(version(second), version(first))]).toEqual([true, false]);
});

test('the same stands before itself nowhere', () => {
  expect(outranksTls(version({}), version({}))).toBe(false);
});

describe('in the database', () => {
  let t: TestDatabase;
  /** Keys of mails from the reporter itself, from somebody else, and from nobody. */
  let own: number;
  let other: number;
  let nobody: number;
  beforeEach(async () => {
    t = await testDatabase({ max: 4 });
    const mails = ['TLS reports <tls@Reporter.example>', 'x@other.example', null].map((sender, n) => ({
      ...arrivalOf(Buffer.from(`mail ${n}`)),
      sender,
    }));
    const { keys } = await transaction(t.db, (tx) => storeMails(tx, { mailbox: 'm', folder: null, uidValidity: null }, mails));
    [own, other, nobody] = mails.map(({ sha256 }) => keys.get(sha256.toString('hex'))!) as [number, number, number];
  });
  afterEach(() => t.drop());

  const DAY = Date.UTC(2026, 8, 2);
  const at = (second: number) => new Date(DAY + second * 1_000);
  const failure = {
    result_type: 'certificate-expired',
    failed_sessions: 3,
    sending_mta_ip: '192.0.2.1',
    receiving_ip: '2001:db8::1',
    receiving_mx_hostname: 'mx.example.com',
    receiving_mx_helo: 'mx',
    failure_reason_code: 'X509',
    additional_information: 'https://example.net/r',
  };
  const nothing = Object.fromEntries(Object.keys(failure).map((name) => [name, null])) as unknown as typeof failure;
  const report = (more: Partial<TlsReport> = {}): TlsReport => ({
    kind: 'tlsrpt',
    org_name: 'Reporter',
    contact_info: 'tls@reporter.example',
    report_id: 'r1',
    begin: Date.UTC(2026, 8, 1) / 1000,
    end: Date.UTC(2026, 8, 1) / 1000 + 86_399,
    policies: [],
    problems: [],
    identity: 'aa',
    content_hash: '01',
    ...more,
  });
  const store = (...given: [message_key: number, second: number, report: TlsReport][]) =>
    transaction(t.db, (tx) =>
      storeTlsReports(
        tx,
        given.map(([message_key, second, one], part) => ({ message_key, part, received_at: at(second), report: one })),
      ),
    );
  /** Each content, with the one that superseded it, how often it came again, and since when it is known. */
  const kept = async () => {
    const { rows } = await t.db.query<{ content: string; by: string | null; duplicates: number; received_at: Date }>(
      `select encode(r.identity, 'hex') || ' ' || encode(r.content_hash, 'hex') as content, encode(s.content_hash, 'hex') as by, r.duplicates, r.received_at
         from ruawatch.tls_reports r left join ruawatch.tls_reports s on s.tls_report_key = r.superseded_by order by 1`,
    );
    return rows.map(({ content, by, duplicates, received_at }) => [
      content,
      by,
      duplicates,
      (received_at.getTime() - DAY) / 1000,
    ]);
  };

  test('all that a report says is kept, policies and failures numbered as they stand', async () => {
    const policies = [
      {
        policy_type: 'sts',
        policy_domain: 'x'.repeat(300),
        policy_string: ['version: STSv1', 'mode: enforce'],
        mx_host: ['mx.example.com'],
        successful_sessions: 40,
        failed_sessions: 5,
        failures: [failure, { ...nothing, failed_sessions: 2 }],
      },
      {
        policy_type: null,
        policy_domain: null,
        policy_string: [],
        mx_host: [],
        successful_sessions: null,
        failed_sessions: null,
        failures: [{ ...nothing, failed_sessions: 1 }],
      },
    ];
    const problem = { code: 'bad_count', message: 'A count is no number.' };
    expect(await store()).toEqual([]);
    expect(await store([own, 7, report({ policies, problems: [problem] as never })])).toEqual(['stored']);
    const rows = async (sql: string) => (await t.db.query(sql)).rows;
    const [{ tls_report_key, stored_at: _, ...row }] = await rows(
      "select *, encode(identity, 'hex') as identity, encode(content_hash, 'hex') as content_hash from ruawatch.tls_reports",
    );
    expect(row).toEqual({
      message_key: own,
      part: 0,
      identity: 'aa',
      content_hash: '01',
      superseded_by: null,
      duplicates: 0,
      org_name: 'Reporter',
      contact_info: 'tls@reporter.example',
      report_id: 'r1',
      begin_at: new Date('2026-09-01T00:00:00Z'),
      end_at: new Date('2026-09-01T23:59:59Z'),
      problems: [problem],
      received_at: at(7),
      reporter_trust: null,
      trust: 'pending',
      trust_reason: null,
      trust_domain: null,
    });
    expect(await rows('select * from ruawatch.tls_policies order by n')).toEqual(
      policies.map((policy, i) => ({
        ...policy,
        tls_report_key,
        n: i + 1,
        policy_domain: i === 0 ? 'x'.repeat(255) : null,
        failures: policy.failures.length,
      })),
    );
    expect(await rows('select * from ruawatch.tls_failures order by policy_n, n')).toEqual([
      { ...failure, tls_report_key, policy_n: 1, n: 1 },
      { ...nothing, failed_sessions: 2, tls_report_key, policy_n: 1, n: 2 },
      { ...nothing, failed_sessions: 1, tls_report_key, policy_n: 2, n: 1 },
    ]);
  });

  test('of several contents of an identity one is current, and a content that came again is counted', async () => {
    const of = (content_hash: string, more: Partial<TlsReport> = {}) => report({ content_hash, ...more });
    // A batch is judged as a whole: the first of its identity is told as stored, and what stands is its own.
    expect(
      await store([own, 10, of('01')], [other, 20, of('02')], [nobody, 5, of('01')], [nobody, 8, of('09', { identity: 'bb' })]),
    ).toEqual(['stored', 'superseded', 'duplicate', 'stored']);
    expect(await kept()).toEqual([
      ['aa 01', null, 1, 5],
      ['aa 02', '01', 0, 20],
      ['bb 09', null, 0, 8],
    ]);
    // What a stored one repeats moves it back in time; nothing moves it on.
    expect(await store([own, 3, of('02')], [own, 30, of('03')], [own, 9, of('01')])).toEqual([
      'duplicate',
      'superseding',
      'duplicate',
    ]);
    expect(await kept()).toEqual([
      ['aa 01', '03', 2, 5],
      ['aa 02', '01', 1, 3],
      ['aa 03', null, 0, 30],
      ['bb 09', null, 0, 8],
    ]);
    // Once its mail proves it, an older one from elsewhere stands before all.
    await t.db.query("update ruawatch.tls_reports set reporter_trust = 'authenticated' where content_hash = decode('02', 'hex')");
    expect(await store([own, 40, of('04')], [nobody, 50, of('05')])).toEqual(['superseded', 'superseded']);
    expect(await kept()).toEqual([
      ['aa 01', '03', 2, 5],
      ['aa 02', null, 1, 3],
      ['aa 03', '02', 0, 30],
      ['aa 04', '02', 0, 40],
      ['aa 05', '02', 0, 50],
      ['bb 09', null, 0, 8],
    ]);
  });

  test('it is stored while nobody else stores one of its identity', async () => {
    expect(
      await waitsFor(
        t.db,
        (tx) => lockIdentities(tx, ['aa']),
        () => store([own, 10, report()]),
      ),
    ).toBe(true);
  });

  test("a stored report is its reporter's own by the From field that its mail had", async () => {
    await store([own, 10, report()]);
    expect(await store([other, 20, report({ content_hash: '02' })])).toEqual(['superseded']);
    await t.db.query('update ruawatch.messages set sender = null where message_key = $1', [own]);
    expect(await store([other, 30, report({ content_hash: '03' })])).toEqual(['superseding']);
    // A listed reporter writes from the address that is known of it.
    await t.db.query(
      "update ruawatch.messages set sender = 'TLS <noreply-smtp-tls-reporting@google.com>' where message_key = $1",
      [nobody],
    );
    const google = { org_name: 'Google Inc.', contact_info: 'smtp-tls-reporting@google.com', identity: 'cc' };
    expect(await store([other, 20, report(google)], [nobody, 10, report({ ...google, content_hash: '02' })])).toEqual([
      'stored',
      'superseding',
    ]);
  });
});
