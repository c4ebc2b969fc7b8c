import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startAnalyzer } from '../../../services/analyzer/index.ts';
import { runMigrate } from '../../../services/cli/commands/migrate.ts';
import { openContext } from '../../../services/cli/open.ts';
import { startParser } from '../../../services/parser/index.ts';
import { startPoller } from '../../../services/poller/index.ts';
import { createLog } from '../../../services/shared/runtime/log.ts';
import type { Service } from '../../../services/shared/runtime/service.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { reportMail, reportXml } from '../../helpers/report.ts';
import { freePort, until, which } from '../../helpers/services.ts';
import { mailboxAt, startImap, type TestImap } from '../../poller/setup.ts';

const program = which('pgbouncer');
/** Far fewer than the clients that share them, so that each server connection passes through many hands. */
const SERVER_CONNECTIONS = 3;

interface Bouncer {
  /** The URL of a database of the test's Postgres, through the pooler. */
  url(of: string): string;
  stop(): Promise<void>;
}

/** A pgbouncer of the test's own before the test's Postgres. It refuses to run as root. */
async function startBouncer(mode: 'transaction' | 'session', settings = ''): Promise<Bouncer> {
  const server = new URL(process.env.TEST_POSTGRES_URL!);
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-pgbouncer-'));
  chmodSync(folder, 0o755);
  const port = await freePort();
  writeFileSync(path.join(folder, 'users.txt'), `"${server.username}" "${server.password}"\n`);
  writeFileSync(
    path.join(folder, 'pgbouncer.ini'),
    `[databases]
* = host=${server.hostname} port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${folder}/users.txt
pool_mode = ${mode}
default_pool_size = ${SERVER_CONNECTIONS}
max_client_conn = 200
${settings}
`,
  );
  const asRoot = process.getuid?.() === 0;
  const nobody = asRoot ? readFileSync('/etc/passwd', 'utf8').match(/^nobody:[^:]*:(\d+):(\d+):/m) : null;
  const child: ChildProcess = spawn(program!, [path.join(folder, 'pgbouncer.ini')], {
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(nobody ? { uid: Number(nobody[1]), gid: Number(nobody[2]) } : {}),
  });
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let said = '';
    child.stderr!.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (/process up/.test(said)) resolve();
    });
    child.once('exit', (code) => reject(new Error(`pgbouncer ended with ${code}: ${said}`)));
  });
  return {
    url(of) {
      const url = new URL(of);
      url.hostname = '127.0.0.1';
      url.port = String(port);
      return url.href;
    },
    async stop() {
      child.kill('SIGKILL');
      await gone;
      process.off('exit', killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const settings = (env: Record<string, string>) => {
  const config = loadConfig({ HTTP_LISTEN: 'off', LOG_LEVEL: 'silent', ...env }, tmpdir());
  config.sweep = { every_seconds: 0.2, after_seconds: 5 };
  return config;
};
const open = (env: Record<string, string>) => openContext(settings(env), { log: createLog('silent') });
const refusal = (env: Record<string, string>) =>
  open(env).then(
    async (context) => {
      await context.close();
      return null;
    },
    (error: Error) => error.message,
  );

describe.skipIf(program === null)(
  `Postgres behind pgbouncer${program === null ? ' (SKIPPED: pgbouncer is not installed)' : ''}`,
  () => {
    let database: TestDatabase;
    beforeEach(async () => {
      database = await testDatabase({ empty: true });
    });
    afterEach(() => database.drop());

    describe('in transaction mode', () => {
      let bouncer: Bouncer;
      beforeAll(async () => {
        bouncer = await startBouncer('transaction');
      });
      afterAll(() => bouncer.stop());

      test('two pollers, two parsers and an analyzer on three server connections store every mail once', async () => {
        const MAILS = 60;
        const reports = Array.from({ length: MAILS }, (_, n) => ({
          id: `r${n}`,
          domain: `d${n % 7}.example`,
          rows: Array.from({ length: 1 + (n % 5) }, (_, i) => ({ ip: `192.0.2.${n % 50}`, count: i + 1 })),
        }));
        const env = { DATABASE_URL: bouncer.url(database.url), QUEUE_DATABASE_URL: database.url };
        const lines: string[] = [];
        expect(await runMigrate(settings(env), {}, (line) => lines.push(line))).toBe(0);
        expect(lines.join('\n')).toMatch(/applied 0001_begin[\s\S]*The queue's schema is at version \d+/);

        const imaps: TestImap[] = [];
        for (const half of [0, 1]) {
          const mails = reports.filter((_, n) => n % 2 === half).map((r) => reportMail(reportXml(r), { unique: r.id }));
          imaps.push(await startImap({ mails }));
        }
        const contexts = [];
        const services: Service[] = [];
        try {
          for (const imap of imaps) {
            const context = await open(env);
            context.config.mailboxes = [mailboxAt(imap.url)];
            // Every report counts: what is not proven has no part in the sums over all time.
            context.config.trust = { ...context.config.trust, check: 'off' };
            contexts.push(context);
            services.push(startPoller(context), startParser(context));
          }
          const context = await open(env);
          contexts.push(context);
          services.push(startAnalyzer(context));

          // Seen past the pooler, by a connection of the test's own.
          await until(async () => {
            const { rows } = await database.db.query(
              `select (select count(*) from ruawatch.messages where state = 'stored' and disposed_at is not null) = $1
                and not exists (select from ruawatch.analysis_work) as done`,
              [MAILS],
            );
            return rows[0].done;
          });
        } finally {
          await Promise.all(services.map((s) => s.stop()));
          await Promise.all(contexts.map((c) => c.close()));
          await Promise.all(imaps.map((i) => i.stop()));
        }
        const records = reports.flatMap((r) => r.rows);
        const messages = records.reduce((sum, r) => sum + r.count, 0);
        const { rows } = await database.db.query(
          `select (select count(*) from dmarc.messages) as mails, (select count(*) from dmarc.reports) as reports,
                (select count(*) from dmarc.records) as records, (select sum(count) from dmarc.records) as messages,
                (select sum(messages) from dmarc.source_days) as rolled_up, (select sum(messages) from dmarc.sources) as by_source,
                (select sum(reports) from dmarc.policy_days) as policies, (select sum(duplicates) from dmarc.reports) as duplicates`,
        );
        expect(rows[0]).toEqual({
          mails: MAILS,
          reports: MAILS,
          records: records.length,
          messages,
          rolled_up: messages,
          by_source: messages,
          policies: MAILS,
          duplicates: 0,
        });
      });

      test('the pooler of this suite does pass one server connection through several hands', async () => {
        const clients = Array.from({ length: 4 }, () => new pg.Client({ connectionString: bouncer.url(database.url) }));
        const pids = new Set<number>();
        for (const client of clients) {
          await client.connect();
          pids.add((await client.query('select pg_backend_pid() as pid')).rows[0].pid);
        }
        for (const client of clients) await client.end();
        expect(pids.size).toBeLessThan(clients.length);
      });

      test('a queue that would have to go through it is refused, with what to set', async () => {
        expect(await refusal({ DATABASE_URL: bouncer.url(database.url) })).toMatch(
          /^DATABASE_URL leads through a connection pooler in transaction mode, .*set QUEUE_DATABASE_URL .*REDIS_URL/,
        );
        expect(await refusal({ DATABASE_URL: database.url, QUEUE_DATABASE_URL: bouncer.url(database.url) })).toMatch(
          /^QUEUE_DATABASE_URL leads through a connection pooler in transaction mode/,
        );
      });
    });

    // In session mode notifications arrive, but what BullMQ asks for when it connects is refused, or dropped
    // without a word.
    test.each([
      ['that refuses startup parameters', ''],
      ['that drops startup parameters', 'ignore_startup_parameters = options'],
    ])('a pooler in session mode %s is refused for the queue as well', async (_, extra) => {
      const bouncer = await startBouncer('session', extra);
      try {
        expect(await refusal({ DATABASE_URL: bouncer.url(database.url) })).toMatch(
          /^DATABASE_URL leads through a connection pooler, .*set QUEUE_DATABASE_URL/,
        );
        expect(await refusal({ DATABASE_URL: bouncer.url(database.url), QUEUE_DATABASE_URL: database.url })).toBeNull();
      } finally {
        await bouncer.stop();
      }
    });
  },
);
