import { afterEach, beforeEach, expect, test } from 'vitest';
import { runDomainsTimeline } from '../../services/cli/commands/domains.ts';
import { transaction } from '../../services/shared/runtime/db.ts';
import { loadConfig } from '../../services/shared/settings/config.ts';
import { claim, endApplying, intend, type MadeChange, settleChange } from '../../services/store/requests/applying.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { timelineOf } from '../../services/store/timeline.ts';
import { ADA, dnsPlan, later, opened, vote } from '../alerter/requests/setup.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { GROUPS } from '../requests/sample.ts';
import { putDay, putSource } from './sending/rows.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
});
afterEach(() => t.drop());

test('findings, DNS, requests, decisions and changes of a domain stand in one order, on the terminal too', async () => {
  const { rows } = await t.db.query<{ finding_key: number }>(
    `insert into ruawatch.findings (domain, kind, subject, severity, state, confidence, opened_at, changed_at, first_day, last_day, summary, evidence)
     values ('example.com', 'policy_ready', 'x', 'info', 'open', 1, $1, $1, '2026-11-01', '2026-11-02', 'p=reject can be published', '{}')
     returning finding_key`,
    [later(-1)],
  );
  await t.db.query(
    `insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify)
     values ($1, 1, 'opened', $2, 'info', 'p=reject can be published', '{}', true)`,
    [rows[0]!.finding_key, later(-1)],
  );
  const plan = dnsPlan();
  const key = await opened(t.db, { name: 'one', stages: [{ group: 'mail' }] }, { plan });
  await opened(t.db, { name: 'one', stages: [{ group: 'mail' }] }, { plan: dnsPlan({ domain: 'other.example' }) });
  await vote(t.db, key, ADA);
  const change = { position: 0, forward: true, target: 'primary', change: plan.changes[0] as MadeChange };
  await claim(t.db, key, [change], later(2));
  await settleChange(t.db, { key, position: 0, forward: true }, { state: 'applied', answer: 'NOERROR' });
  await endApplying(t.db, key, { step: 'activate', says: 'The records are published.', watch_hours: 72 }, later(2));
  await transaction(t.db, (tx) => intend(tx, key, [{ ...change, forward: false }], later(30)));
  await settleChange(t.db, { key, position: 0, forward: false }, { state: 'applied', answer: 'NOERROR' });
  await t.db.query(
    "update ruawatch.changes set settled_at = $1::timestamptz + case when forward then interval '1 hour' else interval '30 hours' end",
    [later(1)],
  );
  const found = await timelineOf(t.db, { domain: 'example.com', from: null, to: null, limit: 50 });
  expect(found.map(({ what, event, subject, actor }) => [what, event, subject, actor])).toEqual([
    ['change', 'put_back', '_dmarc.example.com', 'applier'],
    ['change', 'applied', '_dmarc.example.com', 'applier'],
    ['decision', 'approve', 'policy.step', ADA],
    ['request', 'open', 'policy.step', 'playbook policy-step'],
    ['finding', 'opened', 'policy_ready', null],
  ]);
  expect(await timelineOf(t.db, { domain: 'example.com', from: later(0.5), to: later(1.5), limit: 50 })).toHaveLength(1);
  const lines: string[] = [];
  const config = loadConfig({ DATABASE_URL: t.url }, '/nowhere');
  await runDomainsTimeline(config, 'Example.COM.', {}, (line) => lines.push(line));
  expect(lines.join('\n')).toMatch(/2026-11-27 09:00 +decision +approve +policy\.step +ada@example\.com +1 +looked at it/);
  lines.length = 0;
  await runDomainsTimeline(config, 'example.com', { json: true, limit: '1' }, (line) => lines.push(line));
  expect(JSON.parse(lines[0]!)).toMatchObject({ what: 'change', event: 'put_back', request_key: key });
  lines.length = 0;
  await runDomainsTimeline(config, 'none.example', {}, (line) => lines.push(line));
  expect(lines).toEqual(['Nothing is known to have happened to none.example: "ruawatch domains" lists the domains.']);
});

test('what logs of mail and name servers show, and days with failing mail, stand among them', async () => {
  await putDay(t.db, { sent: 400, first_at: '2026-11-20T08:00Z' });
  await putDay(t.db, { sent: 300, refused: 9, refused_dmarc: 9, first_at: '2026-11-21T08:00Z' });
  await putDay(t.db, { selector: '', sent: 30, cluster: '', environment: '', first_at: '2026-11-21T09:00Z' });
  await t.db.query(
    `insert into ruawatch.log_dns_changes (source_id, hash, at, host, program, zone, name, type, action, client, words)
     values ($1, 'h', '2026-11-21 07:30Z', 'ns1', 'named', 'example.com', 's1._domainkey.example.com', 'TXT', 'deleted', '192.0.2.9', 'deleting rrset')`,
    [await putSource(t.db, 'ns')],
  );
  for (const [day, passed] of [
    ['2026-11-21', 60],
    ['2026-11-22', 95],
  ] as const)
    await t.db.query(
      `insert into ruawatch.domain_days (domain, day, reporter, messages, passed, dkim_aligned, spf_aligned, forwarded, failed_forwarded,
              failed_authenticated, failed_unauthenticated, delivered, quarantined, rejected, failed_delivered)
       values ('example.com', $1, 'google.com', 100, $2, $2, $2, 0, 0, 0, 0, 100, 0, 0, 0)`,
      [day, passed],
    );
  // A day on which nothing but a reporter that does not count tells of failing mail.
  await t.db.query(
    `insert into ruawatch.domain_days (domain, day, reporter, messages, passed, dkim_aligned, spf_aligned, forwarded, failed_forwarded,
            failed_authenticated, failed_unauthenticated, delivered, quarantined, rejected, failed_delivered)
     values ('example.com', '2026-11-23', 'mx.example.net', 100, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 100)`,
  );
  await t.db.query(
    "insert into ruawatch.domain_reporters (domain, reporter, standing, decides) values ('example.com', 'mx.example.net', 'new', false)",
  );
  await t.db.query(
    `insert into ruawatch.sender_list (domain, source, is_service, verdict, by_name, why, since)
     values ('example.com', 'a.example', false, 'approved', 'Ada', 'our agency', '2026-11-23 08:00Z')`,
  );
  const found = await timelineOf(t.db, { domain: 'example.com', from: null, to: null, limit: 50 });
  expect(found.map(({ what, event, subject, summary }) => [what, event, subject, summary])).toEqual([
    ['sender', 'approved', 'a.example', 'our agency'],
    ['reports', 'failing', '2026-11-21', '40 of 100 messages'],
    ['sending', 'begins', '-/shop', 'unsigned'],
    ['sending', 'refused', 'eu-1/production/shop', '9 refused, 300 sent'],
    ['zone', 'deleted', 'TXT s1._domainkey.example.com', 'deleting rrset'],
    ['sending', 'begins', 'eu-1/production/shop', 's1._domainkey.example.com'],
  ]);
});

test('what happened at one moment is told in the same order each time, a record above what it replaced', async () => {
  for (const [first, second] of [
    ['v=DMARC1; p=none', 'v=DMARC1; p=reject'],
    ['v=spf1 -all', 'v=spf1 mx -all'],
  ])
    await t.db.query(
      `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen, gone_at)
       select 'order.example', 'order.example', 'TXT', 'dmarc', value, '{}', first, $2::timestamptz, gone
         from (values ($3, $1::timestamptz, $2::timestamptz), ($4, $2::timestamptz, null)) v (value, first, gone)`,
      [later(-9), later(0), first, second],
    );
  const found = await timelineOf(t.db, { domain: 'order.example', from: null, to: null, limit: 50 });
  expect(found.map(({ event, summary }) => `${event} ${summary}`)).toEqual([
    'published v=DMARC1; p=reject',
    'published v=spf1 mx -all',
    'gone v=DMARC1; p=none',
    'gone v=spf1 -all',
    'published v=DMARC1; p=none',
    'published v=spf1 -all',
  ]);
});
