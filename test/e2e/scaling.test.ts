import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { generateLoad } from '../../bench/load.ts';
import { DEMO_AUTHSERV_ID } from '../../demo/write.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { type Dovecot, dovecotPresent, startDovecot } from '../helpers/dovecot.ts';
import { type Run, ruawatch } from '../helpers/process.ts';
import { type RedisServer, redisProgram, startRedis, until } from '../helpers/services.ts';

const MAILS = 240;
const PARSERS = ['parser-1', 'parser-2', 'parser-3', 'parser-4'];
const POLLERS = ['poller-1', 'poller-2'];
const present = dovecotPresent && redisProgram !== null;

/** Small jobs, so that there are enough of them for everybody. */
const settings = (mailboxes: string) => `LOG_LEVEL: info
sweep:
  every_seconds: 1
  after_seconds: 30
parser:
  batch_messages: 5
trust:
  check: authserv
  authserv_ids: [${DEMO_AUTHSERV_ID}]
mailboxes:
${mailboxes}`;

describe.skipIf(!present)(`many workers${present ? '' : ' (SKIPPED: needs dovecot-imapd and redis-server)'}`, () => {
  let database: TestDatabase;
  let dovecot: Dovecot;
  let redis: RedisServer;
  let folder: string;
  let running: Map<string, Run>;

  beforeEach(async () => {
    running = new Map();
    database = await testDatabase();
    dovecot = await startDovecot();
    redis = await startRedis();
    folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-scaling-'));
    const mailboxes = dovecot.users.map(
      ({ name, password }) =>
        `  - name: ${name}\n    url: imaps://${name}:${encodeURIComponent(password)}@127.0.0.1:${dovecot.imapsPort}/INBOX?tls_verify=no&poll_seconds=1\n`,
    );
    writeFileSync(path.join(folder, 'ruawatch.yaml'), settings(mailboxes.join('')));
  });
  afterEach(async () => {
    for (const run of running.values()) run.child.kill('SIGKILL');
    await Promise.all([...running.values()].map((run) => run.ended));
    await dovecot.stop();
    await redis.stop();
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Starts the service of that name and waits until it runs. */
  const start = async (name: string): Promise<void> => {
    const env = { DATABASE_URL: database.url, REDIS_URL: redis.url, HTTP_LISTEN: '127.0.0.1:0' };
    const run = ruawatch(['start', name.split('-')[0]!], env, folder);
    running.set(name, run);
    await until(() => {
      if (run.child.exitCode !== null) throw new Error(`${name} ended: ${run.stderr()}`);
      return run.stderr().includes('"ruawatch is running"');
    });
  };

  /** The sum of a counter of one process, by its own metrics. @param label only where it has this label */
  const counted = async (name: string, counter: string, label = ''): Promise<number> => {
    const { port } = JSON.parse(
      running
        .get(name)!
        .stderr()
        .split('\n')
        .find((line) => line.includes('serving health checks and metrics'))!,
    ) as { port: number };
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${counter}{`) && line.includes(label))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  };

  test('four parsers and two pollers on one Redis: exact totals, no mail worked twice, and each ends with 0', async () => {
    const [a, b] = dovecot.users.map(({ name }) => name) as [string, string];
    const expected = { records: 0, messages: 0 };
    const delivered = { [a]: 0, [b]: 0 };
    const deliver = async (user: string, raw: Buffer) => {
      await dovecot.deliver(user, raw);
      delivered[user]!++;
    };
    let rows = 0;
    let crossed = 0;
    let i = 0;
    for await (const mail of generateLoad({ seed: 23, mails: MAILS })) {
      const [mine, other] = i % 2 === 0 ? [a, b] : [b, a];
      await deliver(mine, mail.raw);
      // Twice in one mailbox: one row.
      if (i % 10 === 0) await deliver(mine, mail.raw);
      // In both mailboxes: two rows, one report.
      if (i % 7 === 0) {
        await deliver(other, mail.raw);
        crossed++;
      }
      expected.records += mail.records;
      expected.messages += mail.messages;
      i++;
    }
    rows = MAILS + crossed;

    await Promise.all(PARSERS.map(start));
    await Promise.all(POLLERS.map(start));
    await until(async () => {
      const { rows: settled } = await database.db.query<{ n: number }>(
        `select count(*) filter (where state <> 'received' and not exists (select from ruawatch.trust_checks)) as n from dmarc.messages`,
      );
      return settled[0]!.n >= rows && [a, b].every((user) => dovecot.mails(user, 'INBOX') === 0);
    });

    const { rows: totals } = await database.db.query(
      `select (select count(*) from dmarc.messages) as mails, (select count(*) from dmarc.messages where state = 'stored') as stored,
              (select count(*) from dmarc.reports) as reports, (select sum(duplicates) from dmarc.reports) as duplicates,
              (select count(*) from dmarc.records) as records, (select sum(count) from dmarc.records) as messages,
              (select sum(messages) from dmarc.source_days) as rolled_up, (select sum(messages) from dmarc.sources) as by_source`,
    );
    expect(totals[0]).toEqual({
      mails: rows,
      stored: rows,
      reports: MAILS,
      duplicates: crossed,
      records: expected.records,
      messages: expected.messages,
      rolled_up: expected.messages,
      by_source: expected.messages,
    });
    expect({ [a]: dovecot.mails(a, 'ruawatch'), [b]: dovecot.mails(b, 'ruawatch') }).toEqual(delivered);

    const parsed = await Promise.all(PARSERS.map((name) => counted(name, 'ruawatch_messages_total')));
    expect(parsed.reduce((sum, n) => sum + n, 0)).toBe(rows);
    expect(parsed.filter((n) => n > 0).length).toBeGreaterThan(1);
    const polled = await Promise.all(POLLERS.map((name) => counted(name, 'ruawatch_mails_total', 'outcome="stored"')));
    expect(polled.reduce((sum, n) => sum + n, 0)).toBe(rows);

    for (const run of running.values()) run.child.kill('SIGTERM');
    for (const [name, run] of running) expect({ name, ...(await run.ended) }).toEqual({ name, code: 0, signal: null });
    running.clear();
  });
});
