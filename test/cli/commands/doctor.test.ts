import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startDemoMailbox } from '../../../demo/mailbox.ts';
import { runDoctor } from '../../../services/cli/commands/doctor.ts';
import { runFindingsList } from '../../../services/cli/commands/findings.ts';
import { sayUnverified } from '../../../services/parser/upkeep/say-unverified.ts';
import { serveHealth } from '../../../services/shared/runtime/health.ts';
import { createLog } from '../../../services/shared/runtime/log.ts';
import { createMetrics } from '../../../services/shared/runtime/metrics.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { putOwn } from '../../../services/store/domains/domains.ts';
import { openEmbedded } from '../../../services/store/schema/embedded.ts';
import { readMigrations } from '../../../services/store/schema/migrate.ts';
import { reply, startSink } from '../../alerter/sink.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { startFake, txt } from '../../helpers/dns.ts';
import { redisProgram, startRedis } from '../../helpers/services.ts';

let t: TestDatabase;
let mailbox: Awaited<ReturnType<typeof startDemoMailbox>>;
beforeEach(async () => {
  t = await testDatabase({ own: false });
  mailbox = await startDemoMailbox([]);
});
afterEach(async () => {
  await mailbox.stop();
  await t.drop();
});

const settings = (more: Record<string, string> = {}) =>
  loadConfig(
    {
      DATABASE_URL: t.url,
      IMAP_URL: `${mailbox.url}/INBOX?tls=none&addresses=dmarc%40own.example`,
      HTTP_LISTEN: 'off',
      CONSOLE_LISTEN: 'off',
      ...more,
    },
    '/nowhere',
  );
async function doctor(config = settings()): Promise<{ code: number; text: string }> {
  config.enrich = { ...config.enrich, dns: 'off' };
  const lines: string[] = [];
  const code = await runDoctor(config, (line) => lines.push(line));
  return { code, text: lines.join('\n') };
}

test('an archive that nobody has measured is not said to be empty', async () => {
  const line = async () => (await doctor()).text.split('\n').find((one) => one.includes(' archive:'));
  expect(await line()).toBe('ok    archive: its size has not been measured yet: the parser does so at its next upkeep');
  await t.db.query("insert into ruawatch.raw_stock (partition, bytes) values ('raw_2026_05', 0)");
  expect(await line()).toBe('ok    archive: 0.00 GB of raw mail, of 20');
  // Mails have come since: what was measured was an archive without any.
  await t.db.query(
    `insert into ruawatch.messages (mailbox, received_at, stored_at, fingerprint, size, state) values ('m', now(), now(), '\\x01', 1, 'stored')`,
  );
  expect(await line()).toBe('ok    archive: its size has not been measured yet: the parser does so at its next upkeep');
  await t.db.query('update ruawatch.raw_stock set bytes = 1');
  expect(await line()).toBe('ok    archive: 0.00 GB of raw mail, of 20');
});

test('all lines of an installation on which nothing has arrived yet', async () => {
  const { code, text } = await doctor();
  expect([
    code,
    ...text
      .replaceAll(process.version, 'VERSION')
      .replace(/Postgres [\d.]+/, 'Postgres')
      .split('\n'),
  ]).toEqual([
    0,
    'ok    node: VERSION',
    'ok    settings: read; 1 mailbox, alerts off',
    'ok    database: Postgres, UTF8; its schema is up to date; 0 messages stored, 0 waiting',
    'ok    archive: its size has not been measured yet: the parser does so at its next upkeep',
    'ok    queue: on Postgres',
    'ok    mailbox demo@127.0.0.1/INBOX: 0 mails, IDLE, MOVE, READ-WRITE, "ruawatch" will be created',
    '--    alerts: SMTP_URL is not set: findings are recorded in dmarc.findings, and no mail is sent.',
    'ok    alerts: none is refused',
    'ok    domains: 0 yours',
    '--    domains: none is known to be yours yet, and findings are made about your domains only: list them under domains: in ruawatch.yaml, or run "ruawatch domains add example.com". Domains whose DMARC record names your mailbox are recognized automatically.',
    '--    domains: mailbox demo@127.0.0.1/INBOX: own.example is not known to be yours; DNS proves that a domain\'s reports belong there only if it publishes a record for that domain (RFC 9990 section 4). Add your domains with "ruawatch domains add example.com".',
    'ok    trust: no report came lately',
    '--    rights in the database: DATABASE_URL logs in as ruawatch_admin, a superuser: give each service a log-in with its role alone (docs/scaling.md).',
  ]);
});

describe('domains', () => {
  test('that are listed and not yet taken over are counted, as long as there are no others', async () => {
    const listed = settings();
    listed.domains = ['a.example', 'b.example'];
    expect((await doctor(listed)).text).toMatch(/^ok {4}domains: 0 yours, 2 listed, which become yours at the next start$/m);
    expect((await doctor()).text).toMatch(/^ok {4}domains: 0 yours$/m);
    await putOwn(t.db, ['a.example'], 'added', { now: new Date(), ignored: false });
    expect((await doctor(listed)).text).toMatch(/^ok {4}domains: 1 yours$/m);
  });
});

describe('the database', () => {
  test('that is older is not migrated; the line says what start will do', async () => {
    const all = readMigrations().length;
    await t.db.query('delete from ruawatch.migrations where version = $1', [all]);
    const { code, text } = await doctor();
    expect(text).toContain(`its schema is at version ${all - 1}: start (or ruawatch migrate) brings it to version ${all} first`);
    expect(code).toBe(0);
    const { rows } = await t.db.query('select max(version) as at from ruawatch.migrations');
    expect(rows[0]!.at).toBe(all - 1);
  });

  test('that is empty stays so, the queue too', async () => {
    const empty = await testDatabase({ empty: true });
    const { code, text } = await doctor(settings({ DATABASE_URL: empty.url }));
    expect(text).toMatch(
      /^-- {4}database: Postgres [\d.]+, UTF8; it has no schema yet: start \(or ruawatch migrate\) creates it/m,
    );
    expect(text).toMatch(/^ok {4}queue: on Postgres; start creates its tables$/m);
    expect(code).toBe(0);
    const { rows } = await empty.db.query("select count(*) as n from pg_namespace where nspname like 'ruawatch%'");
    expect(rows[0]!.n).toBe(0);
    await empty.drop();
  });

  test('that is not UTF8 fails', async () => {
    const name = `latin_${process.pid}`;
    await t.db.query(`create database ${name} encoding 'LATIN1' locale 'C' template template0`);
    const url = new URL(t.url);
    url.pathname = `/${name}`;
    const { code, text } = await doctor(settings({ DATABASE_URL: url.href }));
    expect([code, text]).toEqual([1, expect.stringMatching(/^FAIL {2}database: .*has the encoding LATIN1/m)]);
    await t.db.query(`drop database ${name} with (force)`);
  });

  test('that is embedded and not there yet is not created', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-doctor-'));
    const config = { ...settings({ RUAWATCH_DATA_DIR: path.join(folder, 'data') }), databaseUrl: null };
    const { code, text } = await doctor(config);
    expect(text).toMatch(/^-- {4}database: embedded; it does not exist yet, and start creates it in /m);
    expect([code, existsSync(path.join(folder, 'data'))]).toEqual([0, false]);
    rmSync(folder, { recursive: true });
  });

  test('that is embedded and cannot be created there fails', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-doctor-'));
    writeFileSync(path.join(folder, 'file'), '');
    for (const at of ['file', 'file/data']) {
      const config = { ...settings({ RUAWATCH_DATA_DIR: path.join(folder, at) }), databaseUrl: null };
      expect((await doctor(config)).text).toMatch(
        /^FAIL {2}database: The data folder .*file\S* cannot be written \(E[A-Z]+\): set/m,
      );
    }
    rmSync(folder, { recursive: true });
  });

  test('that is embedded and stopped is not started, and no file of it changes', { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-doctor-'));
    chmodSync(folder, 0o755);
    const dataDir = path.join(folder, 'data');
    const running = await openEmbedded(dataDir, { say: () => undefined });
    const config = { ...settings({ RUAWATCH_DATA_DIR: dataDir }), databaseUrl: null };
    const started = await doctor(config);
    expect(started.text).toMatch(/^-- {4}database: Postgres [\d.]+, UTF8 \(embedded; .*it has no schema yet/m);
    await running.close();
    const files = () =>
      readdirSync(dataDir, { recursive: true, encoding: 'utf8' })
        .filter((name) => !name.startsWith('starting'))
        .map((name) => `${name} ${statSync(path.join(dataDir, name)).mtimeMs}`)
        .sort();
    const before = files();
    const { code, text } = await doctor(config);
    expect(text).toMatch(/^-- {4}database: embedded, Postgres \d+ in .*it does not run at present.*start starts it/m);
    expect(code).toBe(0);
    expect(existsSync(path.join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false);
    expect(files()).toEqual(before);
    rmSync(folder, { recursive: true });
  });
});

test('beside a ruawatch that has the health port: that is said, and is no failure', async () => {
  const server = await serveHealth(
    { host: '127.0.0.1', port: 0 },
    createMetrics(),
    { ready: async () => [] },
    createLog('silent'),
  );
  const { code, text } = await doctor(settings({ HTTP_LISTEN: `127.0.0.1:${server.port}` }));
  expect([code, text]).toEqual([
    0,
    expect.stringContaining(`ok    health port: ruawatch is running at 127.0.0.1:${server.port}`),
  ]);
  await server.close();
});

test('the address of the console is looked at, and it is one line when another program has it', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  const taken = await doctor(settings({ CONSOLE_LISTEN: `127.0.0.1:${port}` }));
  expect(taken.text).toMatch(new RegExp(`^FAIL {2}console: CONSOLE_LISTEN 127\\.0\\.0\\.1:${port} cannot be used`, 'm'));
  await new Promise((resolve) => other.close(resolve));
  expect((await doctor(settings({ CONSOLE_LISTEN: `127.0.0.1:${port}` }))).text).toContain(
    `ok    console: 127.0.0.1:${port} is free`,
  );
  expect((await doctor(settings({ CONSOLE_LISTEN: 'off' }))).text).not.toContain('console');
});

test('a reader that ends the pipe early ends nothing else', async () => {
  const main = path.resolve(import.meta.dirname, '../../../dist/services/cli/main.js');
  const command = `${process.execPath} ${main} doctor | head -1; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-c', command], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: t.url,
      IMAP_URL: `${mailbox.url}/INBOX?tls=none`,
      HTTP_LISTEN: 'off',
      CONSOLE_LISTEN: 'off',
    },
    cwd: '/',
  });
  expect([stdout, stderr]).toEqual([expect.stringMatching(/^ok {4}node: v\S+\n0\n$/), '']);
});

describe.skipIf(redisProgram === null)(`Redis${redisProgram === null ? ' (SKIPPED: needs redis-server)' : ''}`, () => {
  test('that evicts is noted, and one that does not is fine', async () => {
    const redis = await startRedis();
    const config = settings({ REDIS_URL: redis.url });
    expect((await doctor(config)).text).toMatch(/^ok {4}queue: Redis [\d.]+, maxmemory-policy noeviction$/m);
    await promisify(execFile)('redis-cli', ['-u', redis.url, 'config', 'set', 'maxmemory-policy', 'allkeys-lru']);
    expect((await doctor(config)).text).toMatch(/^-- {4}queue: Redis [\d.]+ has maxmemory-policy allkeys-lru/m);
    await redis.stop();
  });
});

test('a mail server that demands STARTTLS, refuses the sender, or lacks SMTPUTF8 is told as such', async () => {
  const sink = await startSink({ disabledCommands: ['STARTTLS', 'AUTH'] });
  const with_ = (more: Record<string, string> = {}) =>
    settings({ SMTP_URL: `smtp://${sink.at}?tls=none`, ALERT_FROM: 'r@example.org', ALERT_TO: 'a@example.org', ...more });
  expect((await doctor(with_())).text).toMatch(/^ok {4}alerts: 127\.0\.0\.1:\d+, not encrypted, no login$/m);
  sink.behaviour.sender = () => reply(530, 'Must issue a STARTTLS command first');
  expect((await doctor(with_())).text).toMatch(/^FAIL {2}alerts: .*demands STARTTLS .*: remove tls=none from SMTP_URL/m);
  sink.behaviour.sender = () => reply(550, 'not yours');
  expect((await doctor(with_())).text).toMatch(/^FAIL {2}alerts: .*does not accept ALERT_FROM as the sender: 550 not yours/m);
  expect(sink.mails).toEqual([]);
  await sink.stop();
});

describe('reports that cannot be verified', () => {
  const NONE =
    'reports of the last week could not be verified, so they open no finding: set or correct trust.authserv_ids (docs/trust.md), then run "ruawatch verify --all".';
  /** Reports of mails of today: so many verified, and so many that nothing proves. */
  const store = async (verified: number, unproven: number) => {
    await t.db.query(
      `with mail as (
         insert into ruawatch.messages (message_key, mailbox, received_at, size, fingerprint, state) overriding system value
         select n, 'reports', now(), 1, int8send(n), 'stored' from generate_series(1, $1::int + $2::int) n returning message_key as n)
       insert into ruawatch.reports (message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors, records,
              messages, salvaged, problems, received_at, reporter_trust, trust)
       select n, 0, int8send(n), int8send(n), 'reporter.example', n::text, 'own.example', now(), now(), '[]', 1, n, false, '[]', now(),
              case when n <= $1 then 'authenticated' else 'unauthenticated' end, case when n <= $1 then 'ok' else 'bad' end
         from mail`,
      [verified, unproven],
    );
  };
  const findings = async () => {
    const lines: string[] = [];
    await runFindingsList(settings(), {}, (line) => lines.push(line));
    return lines;
  };

  test('are said by doctor, of all and of each domain, by findings, and in the log', async () => {
    await store(2, 53);
    await putOwn(t.db, ['own.example'], 'listed', { now: new Date(), ignored: true });
    const dns = await startFake(({ name }) =>
      name === '_dmarc.own.example' ? { answers: [txt(name, ['v=DMARC1; p=none; rua=mailto:dmarc@own.example'])] } : {},
    );
    const config = settings();
    config.dnsServers = [dns.server];
    const { text } = await doctor(config);
    expect(text).toContain(`--    trust: 53 of 55 ${NONE}`);
    expect(text).toMatch(
      /^ok {4}domain own\.example: [^;]*own\.example [^.;]*; 2 of 55 reports of the last 7 days could be verified\.$/m,
    );
    config.dnsServers = [dns.server];
    config.mailboxes = config.mailboxes.map((one) => ({ ...one, addresses: ['other@own.example'] }));
    expect((await doctor(config)).text).toMatch(/^-- {4}domain own\.example: .*names no mailbox in rua= that is read here/m);
    await dns.stop();
    expect(await findings()).toEqual([`No finding is open: 53 of 55 ${NONE}`]);
    const logged: string[] = [];
    const log = pino({}, { write: (line: string) => logged.push(JSON.parse(line).msg) });
    await sayUnverified({ config, db: t.db, clock: { now: () => new Date() }, log });
    expect(logged).toEqual([`53 of 55 ${NONE}`]);
  });

  test('are not spoken of where most are', async () => {
    await store(50, 5);
    expect((await doctor()).text).toContain('ok    trust: 50 of 55 reports of the last 7 days verified');
    // Imported ones are believed as they are.
    await t.db.query("update ruawatch.reports set reporter_trust = null where reporter_trust = 'authenticated'");
    const imported = 'reports of the last 7 days verified, and 50 count without that, as imported ones do';
    expect((await doctor()).text).toContain(`ok    trust: 0 of 55 ${imported}`);
    expect(await findings()).toEqual(['There are no open findings.']);
  });
});

describe('mail-guard.yaml', () => {
  const lineOf = async (text: string | null, more: Partial<ReturnType<typeof loadConfig>['watcher']> = {}) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-guard-'));
    const file = path.join(folder, 'mail-guard.yaml');
    if (text !== null) writeFileSync(file, text);
    const config = settings();
    config.guardFile = file;
    config.watcher = { ...config.watcher, ...more };
    const lines: string[] = [];
    const code = await runDoctor(config, (line) => lines.push(line));
    rmSync(folder, { recursive: true });
    return {
      code,
      line:
        lines
          .join('\n')
          .replaceAll(folder, '')
          .match(/^.*guard[\s\S]*?(?=\n\S|$)/m)?.[0] ?? '',
    };
  };
  const GUARD = readFileSync('mail-guard.example.yaml', 'utf8');

  test('what it declares is counted', async () => {
    expect((await lineOf(GUARD)).line).toMatch(/^ok +guard.*declares [\d,]+ domains? in [\d,]+ environments?/m);
  });

  test('a mistake in it, or a file that cannot be read, fails', async () => {
    expect(await lineOf('environments: [1]')).toMatchObject({ code: 1, line: expect.stringMatching(/^FAIL +guard/) });
    expect((await lineOf(null)).line).toMatch(/^FAIL +guard.*cannot be read/);
  });

  test('it is said that nothing is compared without DNS', async () => {
    expect((await lineOf(GUARD, { dns: 'off' })).line).toMatch(/watcher\.dns is off/);
  });

  test('without the setting there is no line', async () => {
    const lines: string[] = [];
    await runDoctor(settings(), (line) => lines.push(line));
    expect(lines.join('\n')).not.toMatch(/guard/);
  });
});
