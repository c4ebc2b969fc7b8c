import { keepTotals } from '../../services/parser/upkeep/fill-daily-totals.ts';
import { addPerson } from '../../services/store/console/people.ts';
import { addService } from '../../services/store/console/service-principals.ts';
import { beginSession } from '../../services/store/console/sessions.ts';
import { makeToken } from '../../services/store/console/tokens.ts';
import { ROW_COUNTS } from '../../services/store/rollups/source-counts.ts';
import { FINDINGS } from '../alerter/events.ts';
import { type TestConsole, type TestPerson, testConsole } from './setup.ts';

/** The moment of the clock in the world. */
export const NOW = new Date('2026-10-07T12:00:00Z');
const day = (before: number) => new Date(NOW.getTime() - before * 86_400_000);

export interface World {
  c: TestConsole;
  /** An admin who sees all. */
  ada: TestPerson;
  /** Somebody who sees example.com. */
  viewer: TestPerson;
}

let c: TestConsole;
const add = (sql: string, values: unknown[] = []) => c.t.db.query(sql, values);

/** A console, and some of everything that pages and commands show: the same in each run. */
export async function testWorld(): Promise<World> {
  c = await testConsole({
    now: () => NOW,
    env: {
      MAILBOX_URL: 'imaps://reports%40example.com:x@imap.example.com',
      SMTP_URL: 'smtp://mail.example.com',
      ALERT_FROM: 'a@example.com',
      ALERT_TO: 'ada@example.com',
    },
  });
  await addDomains();
  await addMail();
  await addReports();
  await addOthers();
  const people = await addPeople();
  await keepTotals({ db: c.t.db, clock: { now: () => NOW }, log: c.context.log });
  const decided = { sender: 'authorized.example', source: 'authorized.example', decision: 'approve', why: 'our newsletter' };
  await people.ada.post('/domains/example.com/decide', decided);
  // The next page says that it was done, and no other.
  await people.ada.get('/');
  return { c, ...people };
}

async function addDomains() {
  await add(
    "update ruawatch.domain_days_from set from_day = 'infinity'; update ruawatch.class_days_from set from_day = 'infinity'",
  );
  await add(
    `insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', '2026-09-01'),
       ('shop.example.com', 'own', 'added', '2026-09-01'), ('quiet.example.com', 'own', 'added', '2026-09-01')`,
  );
}

/** Senders of each class, with mail of forty days that two reporters tell of. */
async function addMail() {
  const amounts: Record<string, string> = {
    messages: '20 + n * k + r',
    passed: '10 + n * (k - 1)',
    dkim_aligned: '9 + n * (k - 1)',
    spf_aligned: '5 + n * (k - 1)',
    forwarded: 'k',
    failed_unauthenticated: 'n',
    failed_foreign_dkim: 'k',
    failed_forwarded: 'k',
    delivered: '8 + n * k',
    quarantined: '6 + r',
    rejected: '6',
    failed_delivered: '3 + k',
  };
  const counts = ['messages', ...ROW_COUNTS];
  const classes = ['authorized', 'misaligned', 'forwarded', 'unauthorized', 'unknown'];
  for (const [i, name] of classes.entries())
    await add(
      `with days as (insert into ruawatch.source_days (domain, source, day, reporter, trust, ${counts.join(', ')})
         select $1, $2, '2026-10-07'::date - n, reporter, 'ok', ${counts.map((one) => amounts[one] ?? '0').join(', ')}
           from generate_series(1, 40) n, (values (0, 'google.com'), (2, 'mx.example.net')) v(r, reporter), (values ($4::int)) w(k))
       insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, grouped_as, name, class, why, evidence)
       values ($1, $2, '2026-08-28', '2026-10-06', 900, 500, $2, $2, $3, 'because of ' || $2, 'as seen')`,
      [i < 4 ? 'example.com' : 'shop.example.com', `${name}.example`, name, i + 1],
    );
  await add(
    `insert into ruawatch.domain_reporters (domain, reporter, standing, decides)
     values ('example.com', 'google.com', 'known', true), ('example.com', 'mx.example.net', 'new', false)`,
  );
  await add(
    `insert into ruawatch.subdomain_days (domain, name, day, trust, messages, passed, failed_unauthenticated, failed_delivered)
     select 'example.com', name, '2026-10-04', 'ok', 50, passed, 50 - passed, 4
       from (values ('news.example.com', 45), ('nothing.example.com', 0)) v(name, passed)`,
  );
  for (const kind of ['unauthorized_source', 'authentication_regression', 'new_source', 'dkim_key_missing', 'policy_ready'])
    if (FINDINGS[kind]) await c.finding(kind, kind === 'new_source' ? 'shop.example.com' : 'example.com');
  await add(
    `insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify)
     select finding_key, 1, 'opened', opened_at, severity, summary, evidence, false from ruawatch.findings`,
  );
}

async function addReports() {
  const records = [
    ['authorized.example', 40, 'none', true, true, '{"dkim": [{"domain": "example.com", "selector": "s1", "result": "pass"}]}'],
    ['unauthorized.example', 9, 'reject', false, false, '{"spf": [{"domain": "evil.example", "result": "fail"}]}'],
    ['misaligned.example', 7, 'quarantine', false, true, '{}'],
  ] as const;
  for (const [key, reporter, trust, received] of [
    [1, 'google.com', 'ok', 1],
    [2, 'mx.example.net', 'ok', 2],
    [3, 'google.com', 'pending', 3],
    [4, 'google.com', 'bad', 20],
  ] as const) {
    await add(
      `insert into ruawatch.reports (report_key, message_key, part, identity, content_hash, reporter, org_name, org_email, report_id, domain, begin_at,
              end_at, errors, records, messages, salvaged, problems, received_at, trust, trust_reason, policy_p, policy_sp, adkim, aspf, duplicates)
       overriding system value values ($1::int, $1, 1, $2, '\\x01', $3, 'Organization', 'noreply@reporter.example', 'id-' || $1::int, 'example.com', $4::timestamptz,
              $4::timestamptz + interval '1 day', '[]', 3, 56, false, $5, $4::timestamptz + interval '30 hours', $6, 'said so', 'none', $7, 'r', 's', $8)`,
      [
        key,
        Buffer.from([key]),
        reporter,
        day(received + 2),
        key === 2 ? '[{"code": "date_wrong", "message": "It ends before it begins."}]' : '[]',
        trust,
        key === 1 ? 'reject' : 'nil',
        key === 4 ? 3 : 0,
      ],
    );
    for (const [n, [source, count, disposition, dkim, spf, auth]] of records.entries())
      await add(
        `insert into ruawatch.records (report_key, n, begin_at, source, source_ip, count, disposition, header_from, auth, dkim_aligned, spf_aligned, forwarded)
         values ($1, $2, $3, $4, $5, $6, $7, 'example.com', $8, $9, $10, false)`,
        [key, n, day(received + 2), source, n === 2 ? null : `192.0.2.${n + 1}`, count, disposition, auth, dkim, spf],
      );
  }
}

async function addOthers() {
  await add(
    `insert into ruawatch.tls_reports (tls_report_key, message_key, part, identity, content_hash, org_name, report_id, begin_at, end_at, problems, received_at)
     overriding system value values (7, 1, 2, '\\x07', '\\x07', 'Google', 'tls-7', '2026-10-01', '2026-10-02', '[{"code": "x", "message": "A problem."}]', '2026-10-02');
     insert into ruawatch.tls_policies (tls_report_key, n, policy_domain, policy_type, policy_string, mx_host, successful_sessions, failed_sessions, failures)
     values (7, 1, 'example.com', 'sts', '["version: STSv1", "mode: enforce"]', '["mx.example.com"]', 500, 11, 2),
            (7, 2, 'shop.example.com', 'no-policy-found', '[]', '[]', 20, 0, 0);
     insert into ruawatch.tls_failures (tls_report_key, policy_n, n, result_type, failed_sessions, receiving_mx_hostname, failure_reason_code)
     values (7, 1, 1, 'certificate-expired', 10, 'mx.example.com', 'X509'), (7, 1, 2, 'starttls-not-supported', 1, null, null)`,
  );
  await add(
    `insert into ruawatch.failure_reports (failure_key, message_key, part, content_hash, form, reporter, domain, auth_failure, authentication_results,
            original_rcpt_to, header_from, subject, message_id, user_agent, redacted, problems, received_at, arrived_at, source_ip, delivery_result,
            original_mail_from, dkim_selector, dkim_domain, incidents)
     overriding system value values
       (7, 1, 3, '\\x01', 'arf', 'google.com', 'example.com', '["dmarc", "spf"]', '["mx.example; dmarc=fail"]', '[]', 'ceo@example.com', 'Pay this',
        '<a@example>', 'reporter/1', true, '[]', '2026-10-02', '2026-10-01 23:10Z', '192.0.2.1', 'delivered', 'a@evil.example', 's1', 'example.com', 3),
       (8, 1, 4, '\\x02', 'arf', null, 'example.com', '[]', '[]', '[]', null, null, null, null, false, '[]', '2026-10-03', null, null, null, null, null, null, null)`,
  );
  await add(
    `insert into ruawatch.lookalikes (domain, name, shown, kind, rank, registered, baseline, first_seen, asked_at, due_at, mail_hosts, servers)
     values ('example.com', 'examp1e.com', 'examp1e.com', 'homoglyph', 0.9, true, false, '2026-09-20', '2026-10-07', '2026-10-08', array['mx.evil.example'], array['192.0.2.9'])`,
  );
  await add(
    `insert into ruawatch.mailboxes (mailbox, folder, last_error, polled_at, backlog)
     values ('main', 'INBOX', null, $1, 5), ('old', 'INBOX', null, $2, 0), ('new', 'Reports', null, null, 0), ('gone', 'INBOX', 'No such folder.', $1, 0)`,
    [day(1 / 24 / 2), day(1 / 12)],
  );
  await add(
    `insert into ruawatch.messages (mailbox, received_at, stored_at, settled_at, sender, subject, message_id, size, fingerprint, state, code, reason)
     select 'main', $1::timestamptz - n * interval '1 hour', now() - interval '89 minutes 40 seconds', case when state <> 'received' then $1::timestamptz end,
            'noreply@reporter.example', 'Report ' || n, '<m' || n || '@example>', 1000 * n, ('\\x0' || n)::bytea, state, code, reason
       from (values (1, 'stored', null, null), (2, 'quarantined', 'report_not_found', 'It holds no report.'), (3, 'failed', 'unexpected', 'It broke.'),
                    (4, 'ignored', 'not_a_report', null), (5, 'received', null, null)) v(n, state, code, reason)`,
    [NOW],
  );
}

async function addPeople() {
  const { db } = c.t;
  const person = { name: 'ada', email: 'ada@example.com', role: 'admin', domains: null } as const;
  const key = await addPerson(db, person, 'root', day(9));
  await add("update ruawatch.people set password = 'set' where person_key = $1", [key]);
  const firefox = 'Mozilla/5.0 (Windows NT 10.0; rv:130.0) Gecko/20100101 Firefox/130.0';
  const session = await beginSession(db, key, { address: '192.0.2.7', agent: firefox }, day(1 / 24));
  for (const agent of ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/129.0 Safari/537.36', 'curl/8', null])
    await beginSession(db, key, { address: '192.0.2.8', agent }, day(1 / 12));
  const ada = c.signedIn(session);
  const token = {
    person_key: key,
    person: 'ada',
    name: 'exports',
    scopes: ['read'],
    domains: ['example.com'],
    ends_at: day(-30),
  } as const;
  await makeToken(db, token, 'ada', day(2));
  await addService(
    db,
    { name: 'ci', owner: 'ada', role: 'operator', ends_at: day(-90), domains: ['example.com'] },
    'root',
    day(3),
  );
  const eve = await addPerson(
    db,
    { name: 'eve', role: 'operator', domains: ['example.com', 'shop.example.com'] },
    'root',
    day(8),
  );
  await add("update ruawatch.people set password = 'set', totp_since = $2 where person_key = $1", [eve, day(4)]);
  const vera = await addPerson(db, { name: 'vera', role: 'viewer', domains: ['example.com'] }, 'root', day(7));
  return { ada, viewer: c.signedIn(await beginSession(db, vera, { address: '192.0.2.9', agent: 'Firefox' }, NOW)) };
}
