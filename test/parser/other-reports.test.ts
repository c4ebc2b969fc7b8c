import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseMessages } from '../../services/parser/parse-messages.ts';
import { addOther, nothingElse, type OtherEvent } from '../../services/parser/reading/other-result.ts';
import { startRetention } from '../../services/parser/upkeep/index.ts';
import { replayMessages, showMessage } from '../../services/store/messages/messages.ts';
import { dropFailureReports } from '../../services/store/reports/failure-report-retention.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { receive, trusting } from '../helpers/report.ts';
import { until } from '../helpers/services.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const fixtures = path.resolve(import.meta.dirname, '../fixtures');
const fixture = (name: string): Buffer => readFileSync(path.join(fixtures, name));
const parse = (keys: number[], keep_personal_data = false) =>
  parseMessages(t.db, keys, { trust: trusting('verify'), privacy: { keep_personal_data } });
const rows = async (sql: string) => (await t.db.query(sql)).rows;
const tls = (change?: (report: Record<string, unknown>) => unknown): Buffer => {
  const report = JSON.parse(fixture('tlsrpt/rfc8460-example.json').toString()) as Record<string, unknown>;
  change?.(report);
  return Buffer.from(JSON.stringify(report));
};

test('each other event of a message is kept with its kind', () => {
  const result = nothingElse();
  const problem = { code: 'not_a_report', message: 'It is none.' };
  for (const event of [
    { type: 'tlsrpt', part: 1, report: 'tls', doubt: null },
    { type: 'failure', part: 2, report: 'failure', doubt: null },
    { type: 'bounce', bounce: 'a bounce' },
    { type: 'refused', problem },
    { type: 'not_report', problem },
  ])
    addOther(event as unknown as OtherEvent, result);
  expect(result).toEqual({
    tls: [{ part: 1, report: 'tls', doubt: null }],
    failures: [{ part: 2, report: 'failure', doubt: null }],
    bounces: ['a bounce'],
    refused: [problem],
    other: [problem],
  });
});

test('what became of TLS and failure reports is counted by message, and superseded TLS reports are in a view', async () => {
  const failure = fixture('failure/all-fields.eml');
  const changed = tls((report) => {
    report['contact-info'] = 'someone-else@company-y.example';
  });
  const counts = async (raws: Buffer[]) => {
    const { messages } = await parse(await receive(t, raws));
    return messages.map((m) => ({ tls: m.tls, failures: m.failures })).sort((a, b) => a.tls.length - b.tls.length);
  };
  expect(await counts([tls(), failure])).toEqual([
    { tls: [], failures: ['stored'] },
    { tls: ['stored'], failures: [] },
  ]);
  expect(await counts([changed])).toEqual([{ tls: [expect.stringMatching(/^supersed/)], failures: [] }]);
  expect(await counts([tls((report) => Object.assign(report, { x: 1 })), Buffer.concat([failure, Buffer.from('\r\n')])])).toEqual(
    [
      { tls: [], failures: ['duplicate'] },
      { tls: ['duplicate'], failures: [] },
    ],
  );
  expect(await rows('select count(*)::int as n, count(superseded_by)::int as s from dmarc.superseded_tls_reports')).toEqual([
    { n: 1, s: 1 },
  ]);
  const [row] = await rows('select min(message_key) as key from ruawatch.tls_reports');
  const shown = await showMessage(t.db, row.key);
  expect(shown).toMatchObject({ reports: [], failure_reports: [], tls_reports: [{ part: 0, domains: [expect.any(String)] }] });
});

describe('TLS reports', () => {
  test('become a row a policy and a row a failure detail', async () => {
    const [key] = await receive(t, [fixture('tlsrpt/several-policies.json')]);
    const result = await parse([key!]);
    expect(result.messages).toMatchObject([{ state: 'stored', code: null, reason: null }]);
    expect(
      await rows(
        'select n, org_name, policy_domain, policy_type, successful_sessions, failed_sessions, failures from dmarc.tls_reports order by n',
      ),
    ).toEqual([
      {
        n: 1,
        org_name: 'receiver.example',
        policy_domain: 'example.com',
        policy_type: 'sts',
        successful_sessions: 5326,
        failed_sessions: 303,
        failures: 1,
      },
      expect.objectContaining({ n: 2, policy_domain: 'example.com', policy_type: 'tlsa', failures: 1 }),
      expect.objectContaining({ n: 3, policy_domain: 'beta.example.com', policy_type: 'no-policy-found', failures: 0 }),
    ]);
    expect(
      await rows(
        'select policy_n, n, policy_domain, result_type, failed_sessions, sending_mta_ip from dmarc.tls_failures order by policy_n',
      ),
    ).toEqual([
      {
        policy_n: 1,
        n: 1,
        policy_domain: 'example.com',
        result_type: 'certificate-expired',
        failed_sessions: 100,
        sending_mta_ip: '2001:db8:abcd:12::1',
      },
      expect.objectContaining({ policy_n: 2, result_type: 'tlsa-invalid', sending_mta_ip: null }),
    ]);
  });

  test('a report without policies is a row of its own', async () => {
    await parse(await receive(t, [fixture('tlsrpt/contact-info-null-no-policies.json')]));
    expect(await rows('select n, report_id, failures from dmarc.tls_reports')).toEqual([
      { n: null, report_id: 't-1', failures: 0 },
    ]);
  });

  test('the same content again is a duplicate; of other content the newest stands, in whatever order they are worked', async () => {
    const corrected = tls((report) => {
      const [policy] = report.policies as Array<{ summary: Record<string, number> }>;
      policy!.summary['total-failure-session-count'] = 7;
    });
    const standing = async (order: number[][], mails: Buffer[]): Promise<unknown[]> => {
      await rows('truncate ruawatch.tls_reports, ruawatch.tls_policies, ruawatch.tls_failures, ruawatch.messages, ruawatch.raw');
      const keys = await receive(t, mails);
      for (const batch of order) await parse(batch.map((i) => keys[i]!));
      return rows(
        'select r.failed_sessions, r.duplicates, (select count(*) from ruawatch.tls_reports where superseded_by is not null) as superseded from dmarc.tls_reports r',
      );
    };
    const again = Buffer.concat([tls(), Buffer.from('\n')]);
    const mails = [tls(), again, corrected];
    const expected = [{ failed_sessions: 7, duplicates: 0, superseded: 1 }];
    expect(await standing([[0, 1, 2]], mails)).toEqual(expected);
    expect(await standing([[2], [0], [1]], mails)).toEqual(expected);
    expect(await standing([[1, 2], [0]], mails)).toEqual(expected);
    expect(await rows('select sum(duplicates) as n from ruawatch.tls_reports')).toEqual([{ n: 1 }]);
    // A late copy of the older one does not make it newer.
    for (const order of [[[0, 1, 2]], [[2], [1], [0]], [[2, 1], [0]], [[1], [2], [0]], [[0], [2], [1]]]) {
      expect(await standing(order, [tls(), corrected, again])).toEqual(expected);
    }
    expect(await standing([[0], [1]], [tls(), again])).toEqual([{ failed_sessions: 303, duplicates: 1, superseded: 0 }]);
    expect(await rows('select count(*) as n from dmarc.tls_failures')).toEqual([{ n: 3 }]);
  });

  test('one that cannot be read is quarantined and can be replayed', async () => {
    const keys = await receive(t, [fixture('tlsrpt/cut-off.json')]);
    expect((await parse(keys)).messages).toMatchObject([{ state: 'quarantined', code: 'json_damaged' }]);
    expect(await replayMessages(t.db, { keys })).toEqual(keys);
  });

  test('text that Postgres cannot hold does not fail the batch', async () => {
    const odd = tls((report) => {
      report['organization-name'] = 'a\u0000b\ud800';
    });
    expect((await parse(await receive(t, [odd]))).messages).toMatchObject([{ state: 'stored' }]);
    expect(await rows('select distinct org_name from dmarc.tls_reports')).toEqual([{ org_name: 'a\ufffdb\ufffd' }]);
  });
});

const PERSONAL = /ann\.author|Ann Author|quarterly|bob@|carol@|bob/i;

describe('failure reports', () => {
  test('are stored without what names a person, the subject in the archive included', async () => {
    const keys = await receive(t, [fixture('failure/all-fields.eml'), fixture('failure/exim-notice-in-words.eml')]);
    expect((await parse(keys)).messages.map(({ state }) => state)).toEqual(['stored', 'stored']);
    const stored = await rows('select * from dmarc.failure_reports order by form');
    expect(stored).toMatchObject([
      {
        message_key: keys[0],
        form: 'arf',
        reporter: 'receiver.example',
        domain: 'example.com',
        source_ip: '192.0.2.44',
        arrived_at: new Date('2026-05-01T12:00:00Z'),
        auth_failure: ['dmarc'],
        delivery_result: 'reject',
        original_mail_from: '***@example.com',
        original_rcpt_to: ['***@receiver.example'],
        header_from: '***@example.com',
        subject: '***',
        message_id: '<m-1@example.com>',
        incidents: 3,
        redacted: true,
      },
      { message_key: keys[1], form: 'notice', domain: 'example.com', source_ip: '203.0.113.68', subject: '***' },
    ]);
    expect(JSON.stringify([stored, await rows('select * from dmarc.messages')])).not.toMatch(PERSONAL);
    expect(await rows('select distinct subject from dmarc.messages')).toEqual([{ subject: '***' }]);
  });

  test('are stored whole when the setting says so', async () => {
    await parse(await receive(t, [fixture('failure/all-fields.eml')]), true);
    expect(await rows('select subject, header_from, original_rcpt_to, redacted from dmarc.failure_reports')).toEqual([
      {
        subject: 'the quarterly figures, in confidence',
        header_from: '"Ann Author" <ann.author@example.com>',
        original_rcpt_to: ['bob@receiver.example'],
        redacted: false,
      },
    ]);
    expect(await rows('select subject from dmarc.messages')).toEqual([{ subject: 'a report' }]);
  });

  test('the same report in two mails is one row', async () => {
    const mail = fixture('failure/all-fields.eml');
    const keys = await receive(t, [
      mail,
      Buffer.concat([Buffer.from('X-Relay: two\n'), mail]),
      Buffer.concat([Buffer.from('X-Relay: three\n'), mail]),
    ]);
    await parse(keys.slice(0, 2));
    await parse(keys.slice(2));
    expect(await rows('select duplicates from dmarc.failure_reports')).toEqual([{ duplicates: 2 }]);
  });

  test('a mail that was sent back to be read again keeps its bytes until it is read', async () => {
    const [replayed, other] = await receive(t, [
      fixture('ignored/complaint-abuse.eml'),
      Buffer.concat([Buffer.from('X-Relay: two\n'), fixture('ignored/complaint-abuse.eml')]),
    ]);
    await parse([replayed!, other!]);
    expect(await replayMessages(t.db, { keys: [replayed!] })).toEqual([replayed]);
    const later = new Date(Date.now() + 40 * 86_400_000);
    expect(await dropFailureReports(t.db, later, 10)).toBe(1);
    expect(await rows('select distinct message_key from ruawatch.raw')).toEqual([{ message_key: replayed }]);
    expect((await parse([replayed!])).messages).toMatchObject([{ message_key: replayed, state: 'ignored', code: 'complaint' }]);
    expect(await dropFailureReports(t.db, later, 10)).toBe(1);
    expect(await rows('select message_key from ruawatch.raw')).toEqual([]);
  });

  test('go with their mails when the retention time is over, and complaints with them; other mails stay', async () => {
    const keys = await receive(t, [
      fixture('failure/all-fields.eml'),
      Buffer.concat([Buffer.from('X-Relay: two\n'), fixture('failure/all-fields.eml')]),
      fixture('ignored/complaint-abuse.eml'),
      fixture('tlsrpt/rfc8460-example.json'),
      fixture('failure/few-fields.eml'),
    ]);
    await parse(keys);
    const [first, second, complaint, other, fresh] = keys as [number, number, number, number, number];
    // The last one came a day after the others.
    await t.db.query("update ruawatch.personal_mails set stored_at = stored_at + interval '1 day' where message_key = $1", [
      fresh,
    ]);
    const context = testContext(t);
    const clock = { now: () => new Date(Date.now() + 30 * 86_400_000 + 60_000) };
    const retention = startRetention({ ...context, clock });
    try {
      const raws = async () =>
        (await rows('select distinct message_key from ruawatch.raw order by 1')).map((row) => row.message_key);
      await until(async () => (await raws()).length === 2);
      expect(await raws()).toEqual([other, fresh].sort((a, b) => a - b));
      expect(await rows('select message_key from dmarc.failure_reports')).toEqual([{ message_key: fresh }]);
      expect(
        await rows('select message_key, state, sender, subject from dmarc.messages where sender is null order by message_key'),
      ).toEqual(
        [
          { message_key: first, state: 'stored', sender: null, subject: null },
          { message_key: second, state: 'stored', sender: null, subject: null },
          { message_key: complaint, state: 'ignored', sender: null, subject: null },
        ].sort((a, b) => a.message_key - b.message_key),
      );
      expect(await replayMessages(t.db, { keys })).toEqual([]);
    } finally {
      await retention.stop();
      await context.queues.close();
    }
  });
});

describe('what is no report', () => {
  const codes: Record<string, string> = {
    'bounce.eml': 'bounce',
    'complaint-abuse.eml': 'complaint',
    'complaint-opt-out-no-third-part.eml': 'complaint',
    'complaint-quoting-a-report.eml': 'complaint',
    'empty-attachment.eml': 'empty_payload',
    'empty.eml': 'empty',
    'image-attached.eml': 'no_report',
    'json-that-is-no-report.json': 'not_a_report',
    'spam.eml': 'no_report',
    'vacation.eml': 'no_report',
    'xsd.xml': 'not_a_report',
  };

  test('is ignored with the reason, and is not what cannot be read', async () => {
    const names = readdirSync(path.join(fixtures, 'ignored')).filter((name) => !name.endsWith('.golden.json'));
    expect(names.sort()).toEqual(Object.keys(codes).sort());
    const keys = await receive(
      t,
      names.map((name) => fixture(`ignored/${name}`)),
    );
    const { messages } = await parse(keys);
    const got = names.map((name, i) => [name, messages.find((message) => message.message_key === keys[i])]);
    expect(got).toEqual(names.map((name) => [name, expect.objectContaining({ state: 'ignored', code: codes[name] })]));
    for (const { reason } of messages) expect(reason).toMatch(/^[A-Z].*\.$/);
  });

  test('a mail that promises a report and brings none is quarantined', async () => {
    const spam = fixture('ignored/spam.eml').toString();
    const keys = await receive(t, [
      Buffer.from(spam.replace('Subject: You have won', 'Subject: Report Domain: example.com Submitter: receiver.example')),
    ]);
    expect((await parse(keys)).messages).toMatchObject([{ state: 'quarantined', code: 'report_not_found' }]);
  });
});

describe('a report in a mail that somebody passed on, which no signature can prove', () => {
  const passedOn = (name: string, unique: string): Buffer =>
    Buffer.from(
      `From: a@b.example\r\nMessage-ID: <${unique}@b.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n${fixture(name).toString()}\r\n--b--\r\n`,
    );
  const TLS = 'tlsrpt/application-tlsrpt-7bit.eml';
  const FAILURE = 'failure/all-fields.eml';
  const refuted = async (raws: Buffer[], mailbox: string, check: 'verify' | 'off') => {
    const keys = await receive(t, raws);
    await t.db.query('update ruawatch.messages set mailbox = $1', [mailbox]);
    const { messages } = await parseMessages(t.db, keys, { trust: trusting(check) });
    return keys.map((key) => {
      const { refuted, unverified } = messages.find(({ message_key }) => message_key === key)!;
      return { refuted, unverified };
    });
  };

  test.each([
    ['is refuted at once', 'box', 'verify', ['tls'], ['failure']],
    ['counts as it is where nothing is verified', 'box', 'off', [], []],
    ['counts as it is when it was imported by hand', 'import', 'verify', [], []],
  ] as const)('%s', async (_, mailbox, check, tls, failure) => {
    expect(await refuted([passedOn(TLS, 'one'), passedOn(FAILURE, 'two')], mailbox, check)).toEqual([
      { refuted: tls, unverified: false },
      { refuted: failure, unverified: false },
    ]);
    const trust = { trust: check === 'verify' && mailbox === 'box' ? 'bad' : 'ok' };
    expect(await rows('select trust from ruawatch.tls_reports')).toEqual([trust]);
    expect(await rows('select trust from ruawatch.failure_reports')).toEqual([trust]);
  });

  test('is not counted as refuted again when a second mail brings it, and one that came by itself is to be verified', async () => {
    expect(await refuted([passedOn(TLS, 'one')], 'box', 'verify')).toEqual([{ refuted: ['tls'], unverified: false }]);
    expect(await refuted([passedOn(TLS, 'again')], 'box', 'verify')).toEqual([{ refuted: [], unverified: false }]);
    expect(await refuted([fixture(TLS)], 'box', 'verify')).toEqual([{ refuted: [], unverified: true }]);
  });
});
