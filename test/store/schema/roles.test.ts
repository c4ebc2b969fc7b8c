import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAlerter } from '../../../services/alerter/index.ts';
import { startAnalyzer } from '../../../services/analyzer/index.ts';
import { startApplier } from '../../../services/applier/index.ts';
import { startApprover } from '../../../services/approver/index.ts';
import { runMigrate } from '../../../services/cli/commands/migrate.ts';
import { openContext } from '../../../services/cli/open.ts';
import { startCluster } from '../../../services/cluster/index.ts';
import { startCollector } from '../../../services/collector/index.ts';
import { startConsole } from '../../../services/console/index.ts';
import type { Dns } from '../../../services/dns/client/types.ts';
import { startEnricher } from '../../../services/enricher/index.ts';
import { startMilter } from '../../../services/milter/index.ts';
import { startParser } from '../../../services/parser/index.ts';
import { startPoller } from '../../../services/poller/index.ts';
import { approvalsSchema } from '../../../services/requests/rules.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { type Db, openPool, transaction } from '../../../services/shared/runtime/db.ts';
import { createLog } from '../../../services/shared/runtime/log.ts';
import type { Context, Service } from '../../../services/shared/runtime/service.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { milterOf, milterSchema } from '../../../services/shared/settings/milter.ts';
import { takeSignIns } from '../../../services/store/alerts/sign-ins.ts';
import { loadScatter } from '../../../services/store/analysis/scatter.ts';
import { loadBorrowed, loadKeys } from '../../../services/store/analysis/signatures.ts';
import { loadLateness } from '../../../services/store/analysis/silences.ts';
import { keepSignerPods, loadSignerPods } from '../../../services/store/cluster/signer-pods.ts';
import { forgetGoneAddresses } from '../../../services/store/cluster/ways.ts';
import { visibleFinding, visibleFindings } from '../../../services/store/console/findings.ts';
import { domainDays, domainLines } from '../../../services/store/console/overview.ts';
import * as people from '../../../services/store/console/people.ts';
import { BY_DOMAIN, OF_ALL, read } from '../../../services/store/console/scope.ts';
import * as sessions from '../../../services/store/console/sessions.ts';
import { forgetRecords, takeWatched } from '../../../services/store/dns/watch.ts';
import * as actions from '../../../services/store/findings/operator-actions.ts';
import {
  forgetLeft,
  leftMails,
  recordLeft,
  reserveKey,
  storeChunk,
  storeStreamed,
} from '../../../services/store/messages/intake.ts';
import { noteMailboxError } from '../../../services/store/messages/mailboxes.ts';
import { countMessages, noteAttempt } from '../../../services/store/messages/messages.ts';
import { CHUNK_BYTES } from '../../../services/store/messages/raw-chunks.ts';
import { noteContacts } from '../../../services/store/milter/known.ts';
import { noteUnjudged } from '../../../services/store/milter/unjudged.ts';
import { dropFailureReports } from '../../../services/store/reports/failure-report-retention.ts';
import { noteTtl, published } from '../../../services/store/requests/applying.ts';
import { brokenSince } from '../../../services/store/requests/broken.ts';
import { decide, withdrawResolved } from '../../../services/store/requests/decide.ts';
import { undecided } from '../../../services/store/requests/decided.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { changedByUs, findingsWithoutRequest, valueBefore } from '../../../services/store/requests/playbook-findings.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { seenMail, seenSource, standingEntry } from '../../../services/store/requests/seen.ts';
import { sweepRequests } from '../../../services/store/requests/sweep.ts';
import { migrate, readMigrations } from '../../../services/store/schema/migrate.ts';
import { ANALYST_ROLE, GRANTS, ROLES, SERVICE_ROLES } from '../../../services/store/schema/role-rights.ts';
import { grantRoles } from '../../../services/store/schema/roles.ts';
import { addLogSource } from '../../../services/store/sending/sources.ts';
import {
  addressesAfter,
  comparedAsnFile,
  findAddresses,
  forgetAddresses,
  noteAsnFile,
  saveOwners,
} from '../../../services/store/sources/addresses.ts';
import { startWatcher } from '../../../services/watcher/index.ts';
import { type Sink, startSink } from '../../alerter/sink.ts';
import { type Fixture, fixture } from '../../analyzer/fixture.ts';
import { DOMAIN, REPORTERS, span } from '../../analyzer/rows.ts';
import { linesOf } from '../../collector/setup.ts';
import { showEveryPage, useConsoleAs } from '../../console/as-role.ts';
import { dnsOf } from '../../dns/zone.ts';
import { readDocument, tableOf } from '../../docs/markdown.ts';
import { testDatabase } from '../../helpers/database.ts';
import ownServer from '../../helpers/global.ts';
import { reportMail, reportXml } from '../../helpers/report.ts';
import { until } from '../../helpers/services.ts';
import { handedIn, Server } from '../../milter/server.ts';
import { connect, negotiate } from '../../milter/wire/packets.ts';
import { mailboxAt, startImap } from '../../poller/setup.ts';
import { GROUPS, planOf } from '../../requests/sample.ts';

const BOUNCE = readFileSync(path.resolve(import.meta.dirname, '../../fixtures/bounces/exim-dmarc.eml'));

const LOG_SOURCE = { cluster: 'a', environment: 'production', workload: 'shop', syslog_from: [], egress: [] };

type Role = (typeof ROLES)[number];

const TLS_REPORT = JSON.stringify({
  'organization-name': 'reporter.example',
  'date-range': { 'start-datetime': '2026-09-01T00:00:00Z', 'end-datetime': '2026-09-01T23:59:59Z' },
  'contact-info': 'tls@reporter.example',
  'report-id': 't1',
  policies: [
    {
      policy: { 'policy-type': 'sts', 'policy-string': ['version: STSv1'], 'policy-domain': 'example.com' },
      summary: { 'total-successful-session-count': 5, 'total-failure-session-count': 1 },
      'failure-details': [{ 'result-type': 'certificate-expired', 'failed-session-count': 1 }],
    },
  ],
});
const FAILURE_REPORT = Buffer.from(
  [
    'From: dmarc@reporter.example',
    'To: ruf@example.com',
    'Subject: FW: a failure',
    'Message-ID: <failure@reporter.example>',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=feedback-report; boundary="b"',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'This is a failure report.',
    '--b',
    'Content-Type: message/feedback-report',
    '',
    'Feedback-Type: auth-failure',
    'User-Agent: test/1.0',
    'Version: 1',
    'Auth-Failure: dmarc',
    'Reported-Domain: example.com',
    'Source-IP: 192.0.2.7',
    'Identity-Alignment: none',
    '',
    '--b',
    'Content-Type: text/rfc822-headers',
    '',
    'From: somebody@example.com',
    'Subject: hello',
    '',
    '--b--',
    '',
  ].join('\r\n'),
);

const mark = randomBytes(4).toString('hex');
const userOf = (role: string) => `${role}_${mark}`;
const urlAs = (user: string, of: string) => {
  const url = new URL(of);
  url.username = user;
  url.password = 'secret-word';
  return url.href;
};

let f: Fixture;
let admin: Db;
let sink: Sink;
let stopServer: () => Promise<void>;
const pools = new Map<string, Db>();
/** A pool of the user that has just this role. */
const as = (role: Role): Db => {
  const pool = pools.get(role) ?? openPool(urlAs(userOf(role), f.t.url), { max: 2 });
  pools.set(role, pool);
  return pool;
};
const settings = (url: string, env: Record<string, string> = {}) => {
  const config = loadConfig({ DATABASE_URL: url, HTTP_LISTEN: 'off', LOG_LEVEL: 'silent', ...env }, '/nonexistent');
  config.sweep = { every_seconds: 0.1, after_seconds: 1 };
  return config;
};
const migrateRoles = (url: string, options = { roles: true }) => {
  const lines: string[] = [];
  return runMigrate(settings(url), options, (line) => lines.push(line)).then(() => lines);
};

beforeAll(async () => {
  // Roles belong to a whole server, and other suites make them too.
  const shared = { TEST_POSTGRES_URL: process.env.TEST_POSTGRES_URL, TMPDIR: process.env.TMPDIR };
  const stop = await ownServer();
  stopServer = async () => {
    Object.assign(process.env, shared);
    await stop();
  };
  f = await fixture();
  admin = f.t.db;
  sink = await startSink();
});
afterAll(async () => {
  for (const pool of pools.values()) await pool.end();
  for (const role of ROLES) await admin.query(`drop user if exists ${userOf(role)}`);
  await f.close();
  await sink.stop();
  await stopServer();
});

// The server has no roles yet: so this one comes first.
test('a user who may not make roles is told what an administrator has to run', async () => {
  const name = `limited_${mark}`;
  await admin.query(`create user ${name} password 'secret-word'`);
  const limited = openPool(urlAs(name, f.t.url), { max: 1 });
  await expect(grantRoles(limited)).rejects.toMatchObject({
    code: 'roles_missing',
    message: expect.stringMatching(
      /create role ruawatch_poller nologin; .*create role ruawatch_analyst nologin;.*migrate --roles/,
    ),
  });
  await limited.end();
  await admin.query(`drop user ${name}`);
});

test('ruawatch migrate --roles makes them and says how to use them; a second time it only gives the rights again', async () => {
  const lines = await migrateRoles(f.t.url);
  expect(lines).toEqual(expect.arrayContaining(ROLES.map((role) => `created role ${role}`)));
  expect(lines.at(-2)).toMatch(/create user analyst password '...' in role ruawatch_analyst;$/);
  const again = await migrateRoles(f.t.url);
  expect(again.join('\n')).not.toMatch(/created role|create user/);
  expect(again.join('\n')).toMatch(/The roles ruawatch_poller, .* have the rights they need\./);
  for (const role of ROLES) await admin.query(`create user ${userOf(role)} password 'secret-word' in role ${role}`);
});

test('every table is in the list of grants, and the list names no other', async () => {
  const { rows } = await admin.query<{ name: string }>(
    `select relname as name from pg_class
      where relnamespace = 'ruawatch'::regnamespace and relkind in ('r', 'p') and not relispartition order by 1`,
  );
  const named = new Set(Object.values(GRANTS).flatMap((tables) => Object.keys(tables)));
  // A table that no service may touch would be listed here, with the reason.
  expect([...named].sort()).toEqual(rows.map((row) => row.name));
});

test('docs/scaling.md says which tables each role may touch', () => {
  const rows = new Map(tableOf(readDocument('scaling.md'), 'role').map(([role, may]) => [role!.replaceAll('`', ''), may!]));
  expect([...rows.keys()]).toEqual(ROLES);
  for (const role of SERVICE_ROLES) {
    const named = [...rows.get(role)!.matchAll(/`([a-z_]+)`/g)].map((match) => match[1]);
    expect([...new Set(named)].sort()).toEqual(Object.keys(GRANTS[role]).sort());
  }
});

describe('each service does its whole job as a user with its role alone', () => {
  const logged: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(line) });
  const run = async (
    role: Role,
    start: (context: Context) => Service | Promise<Service>,
    work: (context: Context) => Promise<unknown>,
  ) => {
    const opened = await openContext(settings(urlAs(userOf(role), f.t.url), alerts()), { log });
    const context = { ...opened, clock: f.context.clock };
    const service = await start(context);
    try {
      await work(context);
      // Its sweeper and its queue have been at work too.
      await until(() => service.waitingFor() === null);
    } finally {
      await service.stop();
      await opened.close();
    }
    expect(logged.filter((line) => /denied|42501/.test(line))).toEqual([]);
  };
  const alerts = () => ({
    SMTP_URL: `smtp://${sink.at}?tls=none`,
    ALERT_FROM: 'ruawatch@example.org',
    ALERT_TO: 'admin@example.org',
  });
  const countOf = async (sql: string) => (await admin.query<{ n: number }>(`select count(*) as n from ${sql}`)).rows[0]!.n;

  test('the poller', async () => {
    const xml = reportXml({ id: 'a' });
    const mails = [
      reportMail(xml, { unique: 'a' }),
      reportMail(xml, { unique: 'a-again' }),
      reportMail(reportXml({ id: 'a', rows: [{ count: 5 }] }), { unique: 'a-other' }),
      reportMail(reportXml({ id: 'b', domain: 'b.example' }), { unique: 'b' }),
      reportMail('<feedback>', { unique: 'broken' }),
      reportMail(TLS_REPORT, { unique: 'tls', name: 'reporter.example!example.com!1!2.json.gz' }),
      FAILURE_REPORT,
      BOUNCE,
    ];
    const imap = await startImap({ mails });
    const mailbox = mailboxAt(imap.url);
    const start = (context: Context) => {
      context.config.mailboxes = [mailbox];
      return startPoller(context);
    };
    await run('ruawatch_poller', start, () =>
      until(async () => (await countOf('ruawatch.messages where disposed_at is not null')) === mails.length),
    );
    await imap.stop();

    const db = as('ruawatch_poller');
    await noteMailboxError(db, mailbox.name, 'INBOX', 'It is away.');
    const place = { mailbox: mailbox.name, folder: 'INBOX', uidValidity: 7 };
    const arrival = { uid: 90, receivedAt: new Date(0), sender: null, subject: null, messageId: null, size: 2 * CHUNK_BYTES };
    const raw = Buffer.alloc(2 * CHUNK_BYTES, 'x');
    await recordLeft(db, place, [
      { ...arrival, fingerprint: Buffer.from('left'), code: 'mail_too_large', reason: 'It is too large.' },
    ]);
    const left = await leftMails(db, place, raw.length);
    expect(left).toMatchObject([{ uid: 90, fits: true }]);
    // The limit was raised: now it is streamed.
    await transaction(db, async (tx) => {
      const key = await reserveKey(tx);
      for (const n of [0, 1]) await storeChunk(tx, key, n, raw.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES));
      expect(await storeStreamed(tx, place, key, { ...arrival, sha256: createHash('sha256').update(raw).digest() })).toBe(true);
      await forgetLeft(tx, [left[0]!.message_key]);
    });
    expect(await countOf('ruawatch.messages')).toBe(mails.length + 1);
  });

  test('the parser', async () => {
    await noteAttempt(as('ruawatch_parser'), [1], 'transient', 'It was away.');
    // Nobody publishes a key: what the mails bring is taken for unproven, which moves it within the rollups.
    const start = (context: Context) => startParser(context, { txt: async () => [] });
    await run('ruawatch_parser', start, () =>
      until(
        async () =>
          (await countOf("ruawatch.messages where state = 'received'")) + (await countOf('ruawatch.trust_checks')) === 0,
      ),
    );
    expect(await countOf('dmarc.reports')).toBe(2);
    expect(await countOf('dmarc.superseded_reports')).toBe(1);
    expect(
      (await countOf('dmarc.reports where duplicates > 0')) +
        (await countOf('ruawatch.reports where superseded_by is not null and duplicates > 0')),
    ).toBe(1);
    expect(await countOf('ruawatch.analysis_work')).toBeGreaterThan(0);
    expect(await countOf('dmarc.tls_failures')).toBe(1);
    expect(await countOf('dmarc.failure_reports')).toBe(1);
    expect(await dropFailureReports(as('ruawatch_parser'), new Date(Date.now() + 86_400_000), 10)).toBe(2);
    expect(await countOf('ruawatch.bounces')).toBe(1);
    expect(await countOf('dmarc.failure_reports')).toBe(0);
  });

  test('the collector', async () => {
    const { token } = await addLogSource(admin, { ...LOG_SOURCE, name: 'eu-1' });
    const at = f.context.clock.now().toISOString();
    const lines = [
      ...linesOf({ id: 'AAAAA1', at, to: 'refuse@gmx.test', messageId: 'e1@shop.example.com' }),
      `${at} ns1 named[1]: client @0x1 192.0.2.1#1/key k: updating zone 'example.com/IN': adding an RR at 's1._domainkey.example.com' TXT "x"`,
      `${at} mx1 postfix/unheard[7]: of`,
    ];
    let port = 0;
    const start = async (context: Context) => {
      Object.assign(context.config.collector, { listen: { host: '127.0.0.1', port: 0 }, window_seconds: 0 });
      const service = await startCollector(context);
      port = service.ports.http!;
      return service;
    };
    await run('ruawatch_collector', start, async () => {
      const headers = { authorization: `Bearer ${token}` };
      const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body: lines.join('\n') });
      expect(answer.status).toBe(204);
      await until(async () => (await countOf('ruawatch.sent_messages')) === 1);
    });
    expect(await countOf('dmarc.sending_days')).toBe(1);
    expect(await countOf('ruawatch.log_dns_changes')).toBe(1);
    expect(await countOf('ruawatch.log_unparsed')).toBe(1);
  });

  test('the analyzer', async () => {
    await f.put(span(4, 0, 'unauthenticated', 200, REPORTERS, { source: '198.18.1.0/24' }));
    await run('ruawatch_analyzer', startAnalyzer, () =>
      until(async () => (await countOf('ruawatch.analysis_work')) === 0 && (await f.findings()).length > 0),
    );
    expect(await countOf("dmarc.sources where class <> 'unknown'")).toBeGreaterThan(0);
    const analyzer = as('ruawatch_analyzer');
    const days = {
      from: '2000-01-01',
      to: '2100-01-01',
      counted: { reporters: ['a'], votes: 1, from: '2000-01-01', to: '2100-01-01' },
    };
    await transaction(analyzer, async (tx) => {
      await loadScatter(tx, 'example.com', ['service.example'], days);
      await loadBorrowed(tx, 'example.com', ['198.18.1.0/24'], { from: '2000-01-01', reporters: ['a'] });
      await loadKeys(tx, 'example.com', '2000-01-01', ['a']);
      await loadLateness(tx, 'example.com', ['a'], days);
    });
    // And what it does when a finding is there already.
    await f.put(span(0, 0, 'unauthenticated', 9_000, REPORTERS, { source: '198.18.2.0/24' }));
    await f.analyze();
  });

  test('the enricher', async () => {
    const resolver = {
      pointers: async () => ['mail.example.net.'],
      addresses: async () => ['192.0.2.1'],
      cancel: () => undefined,
    };
    const start = (context: Context) => startEnricher(context, { resolver });
    await admin.query("update ruawatch.reports set trust = 'ok'");
    await admin.query(
      `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed)
       values ('example.com', '192.0.2.0/24', current_date, current_date, 1, 1) on conflict do nothing`,
    );
    let turns = 0;
    while (turns < 3 || (await countOf('dmarc.addresses')) === 0) {
      await findAddresses(as('ruawatch_enricher'), '2000-01-01', new Date());
      turns++;
    }
    // Mail of long ago is not asked about.
    await admin.query('update ruawatch.addresses set last_seen = current_date');
    await run('ruawatch_enricher', start, () => until(async () => (await countOf('dmarc.addresses where confirmed')) > 0));
    const enricher = as('ruawatch_enricher');
    expect(await comparedAsnFile(enricher)).toBe(null);
    await noteAsnFile(enricher, 'a');
    expect(await addressesAfter(enricher, null, 10)).toContain('192.0.2.1');
    const again = await saveOwners(
      enricher,
      [{ address: '192.0.2.1', asn: 64_500, owner: 'Example', country: 'DE' }],
      () => '192.0.2.0/24',
    );
    expect(again).toBeGreaterThan(0);
    expect(await forgetAddresses(enricher, '2000-01-01', 10)).toBe(0);
    // And its reader, with the facts.
    await f.analyze();
  });

  test('the watcher', async () => {
    const absent: Dns = {
      ask: async (name, type) =>
        type === 'TXT'
          ? { state: 'records', records: [['v=spf1 -all']] as never, name, aliases: [], ttl: 60, authenticated: false }
          : { state: 'nodata', name, aliases: [], ttl: 60, authenticated: false },
    };
    const start = (context: Context) => startWatcher(context, { dns: absent });
    await run('ruawatch_watcher', start, () => until(async () => (await countOf('dmarc.dns_records')) > 0));
    const watcher = as('ruawatch_watcher');
    const later = new Date(Date.now() + 86_400_000);
    expect((await takeWatched(watcher, later, later, 1)).length).toBe(1);
    await forgetRecords(watcher, later);
  });

  test('the approver', async () => {
    const silent: Dns = { ask: async () => ({ state: 'unknown', reason: 'timeout', message: 'No answer.' }) };
    const start = (context: Context) => {
      context.config.approvals = approvalsSchema.parse({
        groups: GROUPS,
        deputies: [{ for: GROUPS.mail[0], by: 'gus@example.com', from: '2020-01-01', until: '2030-01-01' }],
        rules: [{ name: 'rest', stages: [{ group: 'mail', within_hours: 1, escalate: { after_hours: 1, to: 'security' } }] }],
      });
      return startApprover(context, { dns: silent });
    };
    await run('ruawatch_approver', start, () => until(async () => (await countOf('ruawatch.deputies')) > 0));
    const approver = as('ruawatch_approver');
    const { rules } = approvalsSchema.parse({ groups: GROUPS, rules: [{ name: 'rest', stages: [{ group: 'mail' }] }] });
    const given = {
      plan: planOf(),
      requester: 'new-sender',
      requester_kind: 'playbook' as const,
      why: 'x',
      playbook: 'new-sender',
    };
    expect(await openRequest(approver, rules, given)).not.toBeNull();
    await sweepRequests(approver, new Date(Date.now() + 40 * 86_400_000));
    expect(await countOf("ruawatch.requests where state = 'expired'")).toBeGreaterThan(0);
    await seenMail(approver, DOMAIN, new Date());
    await seenSource(approver, { domain: DOMAIN, source: 'x' }, new Date());
    await standingEntry(approver, { domain: DOMAIN, source: 'x', is_service: false }, new Date());
    await findingsWithoutRequest(approver, ['new_source']);
    await valueBefore(approver, { domain: DOMAIN, name: `_dmarc.${DOMAIN}` });
    await changedByUs(approver, DOMAIN, new Date(0));
    await withdrawResolved(approver);
  });

  test('the milter holds a mail, carries out what is decided, and notes what it could not judge', async () => {
    await syncGroups(admin, { groups: GROUPS, deputies: [] });
    const target = await startSink();
    const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-roles-'));
    const keyFile = path.join(folder, 'key');
    writeFileSync(keyFile, 'k'.repeat(44), { mode: 0o600 });
    let port = 0;
    const start = async (context: Context) => {
      const hold = { keep: 'store', key_file: keyFile, smtp_url: `smtp://${target.at}?tls=none` };
      const given = { listen: '127.0.0.1:0', authserv_id: 'mx.example.com', hold };
      context.config.milter = milterOf(milterSchema.parse(given), '/');
      // Decisions have the database's time.
      context.clock = systemClock;
      context.config.approvals = approvalsSchema.parse({
        groups: GROUPS,
        rules: [{ name: 'rest', stages: [{ group: 'mail' }] }],
      });
      const running = await startMilter(context);
      port = running.port!;
      return running;
    };
    const send = async (subject: string) => {
      const server = new Server({ port });
      server.send(negotiate(), connect('mail.example', '203.0.113.9'));
      server.send(...handedIn({ from: `ada@${DOMAIN}`, header: { Subject: subject } }));
      await until(() => server.heard.find(({ command }, i) => i > 2 && 'adty'.includes(command)));
      server.socket.destroy();
    };
    await run('ruawatch_milter', start, async () => {
      await send('held');
      const { rows } = await admin.query<{ request_key: number }>(
        "select request_key from ruawatch.held_messages where subject = 'held'",
      );
      const { request_key } = rows[0]!;
      const { digest } = await loadRequest(admin, request_key);
      await decide(admin, request_key, { person: GROUPS.mail[0]!, decision: 'approve', why: 'known', digest, via: 'test' });
      await until(() => target.mails.length === 1);
      await until(async () => (await countOf("ruawatch.held_messages where state = 'released'")) === 1);
    });
    const milter = as('ruawatch_milter');
    const note = {
      at: new Date(),
      outcome: 'accept',
      why: 'test',
      queue_id: 'B1',
      peer_ip: '203.0.113.9',
      envelope_from: '',
      header_from_domain: DOMAIN,
      message_id: null,
    } as const;
    await noteUnjudged(milter, [note], new Date());
    await noteContacts(milter, ['examp1e.test'], new Date());
    await target.stop();
    rmSync(folder, { recursive: true });
  });

  test('the cluster service', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-roles-'));
    const [guard, addresses] = [path.join(folder, 'mail-guard.yaml'), path.join(folder, 'addresses.yaml')];
    const way = `egress: { out: { from: nodes } }, domains: { ${DOMAIN}: { workloads: [{ name: shop, egress: [out] }] } }`;
    writeFileSync(guard, `version: 1\nenvironments: { production: { ${way} } }\n`);
    writeFileSync(addresses, 'version: 1\nenvironments: { production: { out: [192.0.2.77] } }\n');
    const dns = dnsOf({ [DOMAIN]: { TXT: [['v=spf1 -all']] } });
    const start = (context: Context) => {
      const { config } = context;
      config.guardFile = guard;
      config.cluster = { ...config.cluster, source: { kind: 'file', file: addresses }, debounceMs: 0 };
      config.approvals = approvalsSchema.parse({
        groups: GROUPS,
        rules: [
          { name: 'routine', when: { requester: 'service' }, decide: 'automatic', ceiling: { per_day: 1 } },
          { name: 'rest', stages: [{ group: 'mail' }] },
        ],
      });
      return startCluster(context, { dns });
    };
    const asked = "ruawatch.requests where requester = 'cluster' and state = ";
    await run('ruawatch_cluster', start, () => until(async () => (await countOf(`${asked}'approved'`)) > 0));
    // Above the ceiling of the rule, people decide.
    await syncGroups(admin, { groups: GROUPS, deputies: [] });
    await admin.query('update ruawatch.egress_records set request_key = null');
    await run('ruawatch_cluster', start, () => until(async () => (await countOf(`${asked}'pending'`)) > 0));
    await keepSignerPods(as('ruawatch_cluster'), DOMAIN, { pods: 1, files: [], unknown: null }, new Date());
    await forgetGoneAddresses(as('ruawatch_cluster'), new Date(0));
    expect((await loadSignerPods(as('ruawatch_applier'), DOMAIN))?.pods).toBe(1);
    rmSync(folder, { recursive: true });
  });

  test('the alerter', async () => {
    // While more of the history waits, what stands at a first start is not mailed.
    await admin.query('delete from ruawatch.analysis_work');
    expect(await countOf("ruawatch.messages where state = 'received'")).toBe(0);
    expect(await countOf('ruawatch.finding_events where handled_at is null and notify')).toBeGreaterThan(0);
    await run('ruawatch_alerter', startAlerter, () =>
      until(async () => sink.mails.length > 0 && (await countOf("ruawatch.outbox where state = 'sent'")) === sink.mails.length),
    );
    sink.behaviour.accept = () => Object.assign(new Error('later'), { responseCode: 451 });
    await admin.query(
      `update ruawatch.outbox set state = 'pending' where outbox_key = (select min(outbox_key) from ruawatch.outbox)`,
    );
    await run('ruawatch_alerter', startAlerter, () =>
      until(async () => (await countOf('ruawatch.outbox where attempts > 0')) > 0),
    );
    await admin.query("update ruawatch.findings set snoozed_until = '2020-01-01' where state = 'open'");
    await run('ruawatch_alerter', startAlerter, () =>
      until(async () => (await countOf("ruawatch.finding_events where event = 'reminded' and handled_at is not null")) > 0),
    );
    // What doctor shows.
    expect((await countMessages(as('ruawatch_alerter'))).stored).toBeGreaterThan(0);
  });

  test('the console', async () => {
    const lines: string[] = [];
    const start = (context: Context) => {
      context.config.console.listen = { host: '127.0.0.1', port: 0 };
      return startConsole(context, (line) => lines.push(line));
    };
    await run('ruawatch_console', start, async (context) => {
      await until(() => lines.length > 0);
      expect(await showEveryPage(context, DOMAIN)).toEqual([]);
      await admin.query("delete from ruawatch.people where name = 'root'");
    });
    const db = as('ruawatch_console');
    const now = new Date();
    const key = await people.addPerson(db, { name: 'ada', role: 'admin', domains: [DOMAIN] }, 'test', now);
    const link = await sessions.makeLink(db, key, 'password', now);
    await sessions.withLink(db, link, now, (tx, { person_key }) =>
      people.putPassword(tx, person_key!, 'scrypt$', { by: 'test', now }),
    );
    await people.countFailure(db, key, now);
    await people.proposeTotp(db, key, Buffer.from('secret'));
    await people.confirmTotp(db, key, 1, now);
    expect(await people.countSuccess(db, key, 2)).toBe(true);
    await people.removeTotp(db, key, { by: 'test', now });
    const session = await sessions.beginSession(db, key, { address: '192.0.2.1', agent: null }, now);
    const visitor = await sessions.visitorOf(db, session, new Date(now.getTime() + 61_000));
    expect(visitor!.scope.domains).toContain(DOMAIN);
    const all = { db, scope: { all: true, domains: [] } };
    for (const view of [...BY_DOMAIN, ...OF_ALL]) await read(all, [view], `select count(*) from ${view}`);
    await domainLines(all, { from: '2020-01-01', search: '', state: 'own' });
    await domainDays(all, { from: '2020-01-01', domains: [DOMAIN] });
    const filter = { state: 'open', search: '', limit: 10, offset: 0 } as const;
    const [finding] = (await visibleFindings({ db, scope: visitor!.scope }, filter)).findings;
    const { finding_key } = (await visibleFinding({ db, scope: visitor!.scope }, finding!.finding_key))!;
    const note = { by: 'ada', why: 'test' };
    await actions.acknowledge(db, finding_key, note, now);
    await actions.unacknowledge(db, finding_key, note, now);
    await actions.snooze(db, finding_key, new Date(now.getTime() + 1000), { ...note, now });
    await actions.unsnooze(db, finding_key, note, now);
    await actions.close(db, finding_key, { ...note, verdict: { as: 'expected' } }, now);
    await actions.addVerdict(db, finding_key, { ...note, verdict: { as: 'right' } }, now);
    await admin.query("update ruawatch.findings set state = 'open', resolved_at = null where finding_key = $1", [finding_key]);
    // What is expected is not mailed, and the alerter's test comes later.
    await admin.query('delete from ruawatch.expectations');
    await sessions.endSession(db, session);
    await sessions.endSessions(db, key);
    await sessions.forgetEnded(db, now);
    await people.endPerson(db, 'ada', 'test', now);
    await useConsoleAs(db, DOMAIN, now);
    expect(await transaction(as('ruawatch_alerter'), takeSignIns)).toHaveLength(1);
  });

  test('the applier', async () => {
    const plan = planOf();
    const rules = approvalsSchema.parse({ rules: [{ name: 'all', decide: 'automatic', ceiling: { per_day: 9 } }] }).rules;
    const given = { plan, requester: 'zoe@example.com', requester_kind: 'person' as const, why: 'x' };
    const key = (await openRequest(admin, rules, given))!;
    await run('ruawatch_applier', startApplier, () =>
      until(async () => (await countOf(`ruawatch.requests where request_key = ${key} and state = 'done'`)) === 1),
    );
    const applier = as('ruawatch_applier');
    await noteTtl(applier, key, 0, 300);
    await undecided(applier, await loadRequest(applier, key), rules);
    await brokenSince(applier, DOMAIN, '2026-01-01');
    await published(applier, plan, new Date(0));
  });

  test('neither the milter nor the cluster service approves what it did not ask for, or writes such a request', async () => {
    const rules = approvalsSchema.parse({ groups: GROUPS, rules: [{ name: 'all', stages: [{ group: 'mail' }] }] }).rules;
    await syncGroups(admin, { groups: GROUPS, deputies: [] });
    const given = { plan: planOf(), requester: 'zoe@example.com', requester_kind: 'person' as const, why: 'x' };
    const key = (await openRequest(admin, rules, given))!;
    const columns = 'kind, domain, summary, plan, digest, rule, requester, requester_kind, why, created_at, changed_at';
    for (const role of ['ruawatch_milter', 'ruawatch_cluster'] as const) {
      const db = as(role);
      const approve = db.query("update ruawatch.requests set state = 'approved', decided_at = now() where request_key = $1", [
        key,
      ]);
      await expect(approve).rejects.toThrow(/steps of its own requests alone/);
      const forge = db.query(
        `insert into ruawatch.requests (${columns}, state) select ${columns}, 'approved' from ruawatch.requests where request_key = $1`,
        [key],
      );
      await expect(forge).rejects.toThrow(/steps of its own requests alone/);
    }
    logged.length = 0;
  });

  test('the analyst', async () => {
    const { rows } = await admin.query<{ name: string }>(
      "select format('%I.%I', schemaname, viewname) as name from pg_views where schemaname = 'dmarc'",
    );
    expect(rows.length).toBeGreaterThan(5);
    for (const { name } of rows) await as(ANALYST_ROLE).query(`select * from ${name} limit 1`);
    const { rows: seen } = await as(ANALYST_ROLE).query(
      `select domain, sum(messages) as messages from dmarc.sources where domain = '${DOMAIN}' group by 1`,
    );
    expect(seen[0].messages).toBeGreaterThan(0);
  });
});

describe("what is not a service's job is refused", () => {
  test.each<[Role, string]>([
    ['ruawatch_poller', 'select from ruawatch.raw'],
    ['ruawatch_poller', 'delete from ruawatch.raw'],
    ['ruawatch_poller', 'select from ruawatch.reports'],
    ['ruawatch_poller', 'select from ruawatch.records'],
    ['ruawatch_poller', 'select from dmarc.reports'],
    ['ruawatch_poller', 'select from ruawatch.findings'],
    ['ruawatch_poller', "update ruawatch.messages set state = 'ignored'"],
    ['ruawatch_poller', "select ruawatch.drop_partitions('raw', current_date)"],
    ['ruawatch_poller', "update ruawatch.mailboxes set mailbox = 'other'"],
    ['ruawatch_parser', 'insert into ruawatch.raw values (1, 9, null)'],
    ['ruawatch_parser', 'delete from ruawatch.messages'],
    ['ruawatch_parser', 'select from ruawatch.records_default'],
    ['ruawatch_parser', 'update ruawatch.partitioned set dropped_before = null'],
    ['ruawatch_parser', 'update ruawatch.messages set received_at = now()'],
    ['ruawatch_parser', 'select from ruawatch.findings'],
    ['ruawatch_parser', 'select from ruawatch.outbox'],
    ['ruawatch_parser', "update ruawatch.sources set class = 'authorized'"],
    ['ruawatch_analyzer', 'select from ruawatch.raw'],
    ['ruawatch_analyzer', 'select subject from ruawatch.messages'],
    ['ruawatch_analyzer', 'select envelope_to from ruawatch.records'],
    ['ruawatch_analyzer', 'update ruawatch.source_days set messages = 0'],
    ['ruawatch_analyzer', 'select from ruawatch.outbox'],
    ['ruawatch_analyzer', "select ruawatch.ensure_partitions('records', null, 0)"],
    ['ruawatch_enricher', 'select from ruawatch.raw'],
    ['ruawatch_enricher', 'select header_from from ruawatch.records'],
    ['ruawatch_enricher', 'select org_name from ruawatch.reports'],
    ['ruawatch_enricher', "update ruawatch.sources set name = 'other'"],
    ['ruawatch_enricher', 'select from ruawatch.findings'],
    ['ruawatch_enricher', 'delete from ruawatch.analysis_work'],
    ['ruawatch_watcher', 'select from ruawatch.messages'],
    ['ruawatch_watcher', 'select from ruawatch.findings'],
    ['ruawatch_watcher', "update ruawatch.domains set state = 'own'"],
    ['ruawatch_approver', 'insert into ruawatch.decisions select * from ruawatch.decisions'],
    ['ruawatch_approver', "update ruawatch.audit set body = ''"],
    ['ruawatch_approver', 'delete from ruawatch.requests'],
    ['ruawatch_approver', 'delete from ruawatch.request_events'],
    ['ruawatch_approver', 'select envelope_to from ruawatch.records'],
    ['ruawatch_approver', "update ruawatch.sender_list set verdict = 'approved'"],
    ['ruawatch_applier', "update ruawatch.requests set plan = ''"],
    ['ruawatch_applier', 'insert into ruawatch.decisions select * from ruawatch.decisions'],
    ['ruawatch_applier', 'delete from ruawatch.changes'],
    ['ruawatch_applier', 'select from ruawatch.findings'],
    ['ruawatch_alerter', "update ruawatch.requests set state = 'approved'"],
    ['ruawatch_alerter', "select ruawatch.audit_append('{}')"],
    // It reads raw mails, for people to download, and adds those that are uploaded; no more.
    ['ruawatch_console', 'delete from ruawatch.raw'],
    ['ruawatch_console', "update ruawatch.raw set bytes = ''"],
    ['ruawatch_console', 'delete from ruawatch.messages'],
    ['ruawatch_console', 'insert into ruawatch.reports select * from ruawatch.reports'],
    ['ruawatch_console', 'delete from ruawatch.console_acts'],
    ['ruawatch_console', "update ruawatch.console_acts set by_name = 'eve'"],
    ['ruawatch_console', "update ruawatch.sources set class = 'authorized'"],
    ['ruawatch_alerter', 'select from ruawatch.sessions'],
    ['ruawatch_analyst', 'select from ruawatch.people'],
    ['ruawatch_parser', 'select from ruawatch.dns_records'],
    ['ruawatch_parser', 'select from ruawatch.addresses'],
    ['ruawatch_alerter', 'select from ruawatch.raw'],
    ['ruawatch_alerter', 'select from ruawatch.records'],
    ['ruawatch_alerter', 'select org_name from ruawatch.reports'],
    ['ruawatch_alerter', 'select subject from ruawatch.messages'],
    ['ruawatch_alerter', "update ruawatch.findings set state = 'resolved'"],
    ['ruawatch_alerter', 'update ruawatch.outbox set raw = raw'],
    ['ruawatch_analyst', 'select from ruawatch.messages'],
    ['ruawatch_analyst', 'select from ruawatch_queue.job'],
    ['ruawatch_analyst', "insert into dmarc.findings (domain) values ('a')"],
    ['ruawatch_analyst', "update dmarc.messages set subject = 'other'"],
    ['ruawatch_analyst', 'delete from dmarc.messages'],
    ['ruawatch_analyst', 'create table dmarc.mine ()'],
    ...SERVICE_ROLES.flatMap((role): [Role, string][] => [
      [role, "insert into ruawatch.migrations values (9999, 'mine')"],
      [role, 'truncate ruawatch.messages'],
      [role, 'create table ruawatch.mine ()'],
      [role, 'create schema mine'],
      [role, 'drop table ruawatch_queue.job'],
    ]),
  ])('%s: %s', async (role, sql) => {
    await expect(as(role).query(sql)).rejects.toMatchObject({ code: '42501' });
  });

  test('none of the roles can log in, make roles or read everything', async () => {
    const { rows } = await admin.query(
      `select rolcanlogin or rolsuper or rolcreaterole or rolcreatedb or rolbypassrls as more,
              (select count(*) from pg_auth_members m where m.member = r.oid) as memberships
         from pg_roles r where rolname = any($1)`,
      [ROLES],
    );
    expect(rows).toEqual(ROLES.map(() => ({ more: false, memberships: 0 })));
  });
});

describe('a service whose user may not change the schema', () => {
  const tomorrow = [...readMigrations(), { version: readMigrations().length + 1, name: 'next', sql: 'select 1' }];

  test('is told to migrate when something is pending', async () => {
    await expect(migrate(as('ruawatch_parser'), tomorrow)).rejects.toMatchObject({
      code: 'database_older',
      message: expect.stringMatching(
        /this database user may not change it .*run "ruawatch migrate" as the user that owns the schema/,
      ),
    });
    expect(await migrate(as('ruawatch_parser'))).toEqual([]);
  });

  test('is told to migrate when the queue has no tables yet', async () => {
    const t = await testDatabase();
    await grantRoles(t.db);
    const config = settings(urlAs(userOf('ruawatch_parser'), t.url));
    await expect(openContext(config, { log: createLog('silent') })).rejects.toMatchObject({
      code: 'queue_schema',
      message: expect.stringMatching(/^The queue's tables .*run "ruawatch migrate"/),
    });
    await migrateRoles(t.url);
    await (await openContext(config, { log: createLog('silent') })).close();
    await t.drop();
  });

  test('is told to run migrate --roles when it has no rights at all', async () => {
    const t = await testDatabase();
    const config = settings(urlAs(userOf('ruawatch_parser'), t.url));
    await expect(openContext(config, { log: createLog('silent') })).rejects.toMatchObject({
      code: 'database',
      message: expect.stringMatching(/^The database user in DATABASE_URL may not do this .*--roles/),
    });
    await t.drop();
  });
});

test('rights beyond the list are taken away, missing ones come back with any later migrate, and many may do it at once', async () => {
  await admin.query(
    'grant select on ruawatch.raw to ruawatch_poller; grant update (subject) on ruawatch.messages to ruawatch_alerter',
  );
  await admin.query('revoke select on ruawatch.reports from ruawatch_parser');
  await as('ruawatch_poller').query('select from ruawatch.raw');
  const many = Array.from({ length: 8 }, () => openPool(f.t.url, { max: 1 }));
  await Promise.all([...many.map((db) => grantRoles(db)), migrateRoles(f.t.url, { roles: false })]);
  await Promise.all(many.map((db) => db.end()));
  await expect(as('ruawatch_poller').query('select from ruawatch.raw')).rejects.toMatchObject({ code: '42501' });
  await expect(as('ruawatch_alerter').query("update ruawatch.messages set subject = ''")).rejects.toMatchObject({
    code: '42501',
  });
  await as('ruawatch_parser').query('select from ruawatch.reports');
});
