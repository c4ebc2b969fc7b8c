import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { generateLoad } from '../../bench/load.ts';
import { DEMO_AUTHSERV_ID } from '../../demo/write.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { type Dovecot, dovecotPresent, startDovecot } from '../helpers/dovecot.ts';
import { FULL } from '../helpers/full.ts';
import { type Run, ruawatch } from '../helpers/process.ts';
import { type RedisServer, redisProgram, startRedis, until } from '../helpers/services.ts';

const MAILS = 500;
/** What ends a run that hangs; on a busy machine the runs took longer than the 120 seconds of other tests. */
const LIMIT_MS = 400_000;
const present = dovecotPresent && redisProgram !== null;
const SERVICES = ['poller-1', 'poller-2', 'parser-1', 'parser-2', 'analyzer-1'] as const;

describe.skipIf(!present)(
  `Dovecot to rows, as processes${present ? '' : ' (SKIPPED: needs dovecot-imapd and redis-server)'}`,
  () => {
    let database: TestDatabase;
    let dovecot: Dovecot;
    let redis: RedisServer;
    let folder: string;
    let running: Map<string, Run>;

    beforeEach(async () => {
      database = await testDatabase();
      dovecot = await startDovecot();
      redis = await startRedis();
      folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-e2e-'));
      writeFileSync(
        path.join(folder, 'ruawatch.yaml'),
        `sweep:\n  every_seconds: 1\n  after_seconds: 5\nLOG_LEVEL: info\ntrust:\n  check: authserv\n  authserv_ids: [${DEMO_AUTHSERV_ID}]\n`,
      );
      running = new Map();
    });
    afterEach(async () => {
      for (const run of running.values()) run.child.kill('SIGKILL');
      await Promise.all([...running.values()].map((run) => run.ended));
      await dovecot.stop();
      await redis.stop();
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    });

    const start = (name: string, queue: 'redis' | 'postgres') => {
      const user = dovecot.users[0]!;
      const env = {
        DATABASE_URL: database.url,
        ...(queue === 'redis' ? { REDIS_URL: redis.url } : {}),
        IMAP_URL: `imaps://${user.name}:${encodeURIComponent(user.password)}@127.0.0.1:${dovecot.imapsPort}/INBOX?tls_verify=no&poll_seconds=1`,
      };
      running.set(name, ruawatch(['start', name.split('-')[0]!], env, folder));
    };
    /**
     * kill -9, then started again; a poller that cannot reach its mailbox at start ends with 1, and is
     * started until it can.
     */
    const kill = async (name: string, queue: 'redis' | 'postgres') => {
      const run = running.get(name)!;
      run.child.kill('SIGKILL');
      await run.ended;
      start(name, queue);
    };
    const deliver = async (expected: Totals, from: number, to: number) => {
      for await (const { raw } of take(generateLoad({ seed: 11, mails: MAILS }), from, to, expected))
        await dovecot.deliver('reports', raw);
    };
    const stored = async () => {
      const { rows } = await database.db.query<{ n: number }>("select count(*) as n from dmarc.messages where state = 'stored'");
      return rows[0]!.n;
    };
    const settled = (want: number) => until(async () => (await stored()) >= want && dovecot.mails('reports', 'INBOX') === 0);

    const verified = () =>
      until(async () => {
        const { rows } = await database.db.query('select from ruawatch.trust_checks limit 1');
        return rows.length === 0;
      });

    const checkTotals = async (expected: Totals) => {
      await verified();
      const { rows } = await database.db.query(
        `select (select count(*) from dmarc.messages) as mails, (select count(*) from dmarc.messages where state = 'stored') as stored,
              (select count(*) from dmarc.reports) as reports, (select count(*) from dmarc.records) as records,
              (select sum(count) from dmarc.records) as messages, (select sum(messages) from dmarc.source_days) as rolled_up,
              (select sum(messages) from dmarc.sources) as by_source, (select sum(duplicates) from dmarc.reports) as duplicates,
              (select count(*) from dmarc.reports where reporter_trust = 'authenticated') as authenticated,
              (select sum(untrusted) from dmarc.source_days) as untrusted`,
      );
      expect(rows[0]).toEqual({
        mails: MAILS,
        stored: MAILS,
        reports: MAILS,
        records: expected.records,
        messages: expected.messages,
        rolled_up: expected.messages,
        by_source: expected.messages,
        duplicates: 0,
        authenticated: MAILS,
        untrusted: 0,
      });
      expect({ inbox: dovecot.mails('reports', 'INBOX'), moved: dovecot.mails('reports', 'ruawatch') }).toEqual({
        inbox: 0,
        moved: MAILS,
      });
    };

    const drainAll = async () => {
      for (const run of running.values()) run.child.kill('SIGTERM');
      for (const [name, run] of running)
        expect({ name, ...(await run.ended), err: stackIn(run.stderr()) }).toMatchObject({ name, code: 0, err: null });
      running.clear();
    };

    test.each(FULL ? (['redis', 'postgres'] as const) : (['postgres'] as const))(
      'two pollers and two parsers on %s: every mail once, all rows, each mail moved',
      async (queue) => {
        const expected: Totals = { records: 0, messages: 0 };
        for (const name of SERVICES) start(name, queue);
        await deliver(expected, 0, MAILS);
        await settled(MAILS);
        await checkTotals(expected);
        await drainAll();
      },
      LIMIT_MS,
    );

    test(
      'the same while Redis is gone for ten seconds, the IMAP server restarts, and each service is killed in turn',
      async () => {
        const expected: Totals = { records: 0, messages: 0 };
        for (const name of SERVICES) start(name, 'redis');
        await deliver(expected, 0, 100);
        await until(async () => (await stored()) > 0);

        const back = redis.restart(10_000);
        await deliver(expected, 100, 200);
        await back;

        await deliver(expected, 200, 230);
        await dovecot.restart();
        await deliver(expected, 230, 300);
        for (const [i, name] of SERVICES.entries()) {
          await deliver(expected, 300 + i * 40, 340 + i * 40);
          await wait(300);
          await kill(name, 'redis');
        }
        await settled(MAILS);
        await checkTotals(expected);
        await drainAll();
      },
      LIMIT_MS,
    );
  },
);

interface Totals {
  records: number;
  messages: number;
}

/** The mails from index `from` to `to`, their numbers added to `totals`: the independent count. */
async function* take<T extends Totals>(mails: AsyncIterable<T>, from: number, to: number, totals: Totals): AsyncGenerator<T> {
  let i = 0;
  for await (const mail of mails) {
    if (i >= to) return;
    if (i++ < from) continue;
    totals.records += mail.records;
    totals.messages += mail.messages;
    yield mail;
  }
}

/** The first stack trace in a log, if there is one. */
function stackIn(log: string): string | null {
  return /\n\s+at \S+ \(.*:\d+:\d+\)/.exec(log)?.[0] ?? null;
}
