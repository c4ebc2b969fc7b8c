import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startDemoMailbox } from '../demo/mailbox.ts';
import { DEMO_AUTHSERV_ID } from '../demo/write.ts';
import { type Db, openPool, transaction } from '../services/shared/runtime/db.ts';
import { createLog } from '../services/shared/runtime/log.ts';
import { createMetrics } from '../services/shared/runtime/metrics.ts';
import { createQueues } from '../services/shared/runtime/queues.ts';
import { storeMails } from '../services/store/messages/intake.ts';
import { arrivalOf } from '../test/helpers/arrival.ts';
import { dovecotPresent, startDovecot } from '../test/helpers/dovecot.ts';
import { redisProgram, startRedis } from '../test/helpers/services.ts';
import { files, type StageInput } from './input.ts';
import { generateLoad } from './load.ts';
import { type Measure, rates, round, serverCpu } from './measure.ts';
import { ServiceProcess } from './processes.ts';

const JOB_MESSAGES = 100;
const STORE_AT_ONCE = 200;

/**
 * Sweeps are quick where rows have no job; where they have one, no sweep must take them for lost. DNS stays
 * out of it.
 */
const settings = (sweepAfter: number, trust: string) => `sweep:
  every_seconds: 1
  after_seconds: ${sweepAfter}
trust:
  check: ${trust}
  authserv_ids: [${DEMO_AUTHSERV_ID}]
`;

/** The servers of a stage, and its services as processes. */
export interface World {
  db: Db;
  /** The queue in use, and how jobs are added to it from here. */
  queue: 'redis' | 'postgres';
  start(name: string, env?: Record<string, string>): ServiceProcess;
  add(keys: readonly number[]): Promise<void>;
}

/** @param lines the settings file, where it is another */
export async function inWorld(
  input: StageInput,
  sweepAfter: number,
  work: (world: World) => Promise<Measure>,
  lines = settings(sweepAfter, input.trust ?? 'authserv'),
): Promise<Measure> {
  const redis = input.queue !== 'postgres' && redisProgram !== null ? await startRedis() : null;
  if (input.queue === 'redis' && redis === null) throw new Error('redis-server is not installed: leave --queue out.');
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-bench-services-'));
  writeFileSync(path.join(folder, 'ruawatch.yaml'), lines);
  const env = { DATABASE_URL: input.databaseUrl!, ...(redis ? { REDIS_URL: redis.url } : {}) };
  const db = openPool(input.databaseUrl!, { max: 2, name: 'bench' });
  const started: ServiceProcess[] = [];
  try {
    const measured = await work({
      db,
      queue: redis ? 'redis' : 'postgres',
      start(name, more = {}) {
        const service = new ServiceProcess(name, folder, { ...env, ...more });
        started.push(service);
        return service;
      },
      async add(keys) {
        const queues = createQueues(
          { redisUrl: redis?.url ?? null, databaseUrl: input.databaseUrl! },
          createLog('warn'),
          createMetrics(),
        );
        for (let i = 0; i < keys.length; i += JOB_MESSAGES)
          await queues.add('parse', { messages: keys.slice(i, i + JOB_MESSAGES) });
        await queues.close();
      },
    });
    return measured;
  } finally {
    await Promise.all(started.map((service) => service.stop()));
    await db.end();
    await redis?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One mailbox for each poller, filled with its share of the mails. */
async function startMailboxes(
  raws: readonly Buffer[],
  n: number,
): Promise<{ kind: string; urls: string[]; stop(): Promise<void> }> {
  const shares = Array.from({ length: n }, (_, i) => raws.filter((_raw, at) => at % n === i));
  if (dovecotPresent) {
    const server = await startDovecot();
    for (const [i, share] of shares.entries()) for (const raw of share) await server.deliver(server.users[i]!.name, raw);
    return {
      kind: 'dovecot',
      urls: server.users
        .slice(0, n)
        .map(
          ({ name, password }) => `imap://${name}:${encodeURIComponent(password)}@127.0.0.1:${server.imapPort}/INBOX?tls=none`,
        ),
      stop: () => server.stop(),
    };
  }
  const servers = await Promise.all(shares.map((share) => startDemoMailbox(share.map((raw) => ({ raw, received: new Date() })))));
  return {
    kind: 'hoodiecrow-imap',
    urls: servers.map(({ url }) => `${url}/INBOX?tls=none`),
    stop: async () => {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

/**
 * Mails in a mailbox to settled rows: `pollers` and `parsers` as processes; from the first poller's start to
 * the last mail settled.
 */
export async function fromMailbox(stage: string, input: StageInput, pollers: number, parsers: number): Promise<Measure> {
  const raws = files(input.path).map((file) => readFileSync(file));
  const mailboxes = await startMailboxes(raws, pollers);
  try {
    return await inWorld(input, 600, async (world) => {
      const parsing = names('parser', parsers).map((name) => world.start(name));
      await Promise.all(parsing.map((service) => service.running));
      const watch = await startWatch(world.db, input, parsing);
      const polling = names('poller', pollers).map((name, i) => world.start(name, { IMAP_URL: mailboxes.urls[i]! }));
      const begins = await Promise.all(
        polling.map(async (service) => {
          const begin = await service.running;
          watch.add(service);
          return begin;
        }),
      );
      await settled(world.db, raws.length);
      return watch.result(stage, world, Math.min(...begins.map(Number)), `mailbox: ${mailboxes.kind}`);
    });
  } finally {
    await mailboxes.stop();
  }
}

/**
 * Stored mails with their jobs on the queue to settled rows, by `parsers` processes that wait for the first
 * job.
 */
export async function fromQueue(stage: string, input: StageInput, parsers: number): Promise<Measure> {
  return inWorld(input, 3_600, async (world) => {
    const keys: number[] = [];
    const raws = files(input.path).map((file) => readFileSync(file));
    for (let i = 0; i < raws.length; i += STORE_AT_ONCE)
      keys.push(...(await storeWaiting(world.db, raws.slice(i, i + STORE_AT_ONCE))));
    // As the poller leaves them: a job is on its way, and no sweep needs to look after it.
    await world.db.query('update ruawatch.messages set queued_at = now()');
    await world.db.query('vacuum analyze ruawatch.messages');
    const services = names('parser', parsers).map((name) => world.start(name));
    await Promise.all(services.map((service) => service.running));
    const watch = await startWatch(world.db, input, services);
    const begin = Date.now();
    await world.add(keys);
    await settled(world.db, keys.length);
    return watch.result(stage, world, begin, 'stored mails with jobs');
  });
}

/**
 * A backlog of `input.mails` stored mails without a job, worked off by one parser, whose memory is looked at
 * all the while.
 */
export async function backlog(stage: string, input: StageInput): Promise<Measure> {
  return inWorld(input, 3_600, async (world) => {
    let raws: Buffer[] = [];
    for await (const { raw } of generateLoad({ seed: input.seed!, mails: input.mails! })) {
      raws.push(raw);
      if (raws.length === STORE_AT_ONCE) await storeWaiting(world.db, raws.splice(0));
    }
    await storeWaiting(world.db, raws);
    raws = [];
    await world.db.query('update ruawatch.messages set queued_at = null');
    await world.db.query('vacuum analyze ruawatch.messages');
    const parser = world.start('parser');
    const begin = Number(await parser.running);
    const watch = await startWatch(world.db, input, [parser]);
    const quarters: number[] = [];
    await settled(world.db, input.mails!, (done) => {
      const { rss_mb } = parser.usage();
      while (rss_mb !== null && done >= ((quarters.length + 1) / 4) * input.mails!) quarters.push(rss_mb);
    });
    return watch.result(stage, world, begin, `MB resident at 25, 50, 75, 100 %: ${quarters.join(', ')}`);
  });
}

function names(service: string, n: number): string[] {
  return Array.from({ length: n }, (_, i) => (n === 1 ? service : `${service}-${i + 1}`));
}

export async function storeWaiting(db: Db, raws: readonly Buffer[]): Promise<number[]> {
  const mails = raws.map((raw) => arrivalOf(raw));
  const { stored } = await transaction(db, (tx) => storeMails(tx, { mailbox: 'bench', folder: null, uidValidity: null }, mails));
  return stored;
}

/** Waits until that many messages are in an end state. */
export async function settled(db: Db, mails: number, look: (done: number) => void = () => undefined): Promise<void> {
  for (;;) {
    const { rows } = await db.query<{ all: number; waiting: number }>(
      `select (select count(*) from ruawatch.messages) as all, (select count(*) from ruawatch.messages where state = 'received') as waiting`,
    );
    const done = rows[0]!.all - rows[0]!.waiting;
    look(done);
    if (done >= mails) return;
    await wait(mails > 20_000 ? 500 : 100);
  }
}

async function verified(db: Db): Promise<void> {
  for (;;) {
    const { rows } = await db.query('select from ruawatch.trust_checks limit 1');
    if (rows.length === 0) return;
    await wait(100);
  }
}

/** Reads what the services and the server use from now on. */
async function startWatch(db: Db, input: StageInput, services: ServiceProcess[]) {
  const written = async () => {
    const { rows } = await db.query<{ mb: number }>("select (pg_current_wal_lsn() - '0/0'::pg_lsn) / 1048576 as mb");
    return rows[0]!.mb;
  };
  const walBefore = await written();
  const before = new Map(services.map((service) => [service.name, service.usage().cpu_s]));
  const usage = usageSince(input, services, before);
  return {
    /** One that started later: its start does not count. */
    add(service: ServiceProcess) {
      services.push(service);
      before.set(service.name, service.usage().cpu_s);
    },
    /**
     * @param begin milliseconds since the epoch; the end is when the last message was settled, by the
     *   server's clock on this machine
     */
    async result(stage: string, world: World, begin: number, note: string): Promise<Measure> {
      const used = usage();
      // Verification goes on behind: what it costs belongs to the cost of a record, not to the rate.
      await verified(world.db);
      const { rows: clock } = await world.db.query<{ now: Date }>('select clock_timestamp() as now');
      const inAll = usage();
      const wal = round((await written()) - walBefore, 1);
      const { mails, reports, records, ended } = await allStored(world.db);
      const seconds = (Number(ended) - begin) / 1000;
      return {
        stage,
        mails,
        reports,
        records,
        ...rates(seconds, { mails, records }),
        ...used,
        processes: inAll.processes,
        verified: {
          seconds: round((Number(clock[0]!.now) - begin) / 1000, 3),
          cpu_s: inAll.cpu_s,
          server_cpu_s: inAll.server_cpu_s,
        },
        peak_rss_mb: inAll.peak_rss_mb,
        disk_mb: { ...(await diskOf(world.db)), wal },
        note: `queue: ${world.queue}; trust: ${input.trust ?? 'authserv'}; ${note}`,
      };
    },
  };
}

/** What the services and the server have used since now. @param before what each service had used */
function usageSince(input: StageInput, services: ServiceProcess[], before: ReadonlyMap<string, number | null>) {
  const server = () => (input.postmaster === null ? null : serverCpu(input.postmaster));
  const serverBefore = server();
  return () => {
    const serverNow = server();
    const processes = Object.fromEntries(
      services.map((service) => {
        const { cpu_s, peak_rss_mb } = service.usage();
        return [service.name, { cpu_s: cpu_s === null ? null : round(cpu_s - (before.get(service.name) ?? 0), 2), peak_rss_mb }];
      }),
    );
    return {
      processes,
      cpu_s: round(
        Object.values(processes).reduce((sum, { cpu_s }) => sum + (cpu_s ?? 0), 0),
        2,
      ),
      server_cpu_s: serverBefore === null || serverNow === null ? null : round(serverNow - serverBefore, 2),
      peak_rss_mb: Math.max(...Object.values(processes).map(({ peak_rss_mb }) => peak_rss_mb ?? 0)),
    };
  };
}

/** What was stored, and when the last of it was. @throws Error when a mail or report is missing */
async function allStored(db: Db): Promise<{ mails: number; reports: number; records: number; ended: Date }> {
  const { rows } = await db.query<{ mails: number; lost: number; ended: Date; reports: number; records: number }>(
    `select count(*) as mails, count(*) filter (where state <> 'stored') as lost, max(settled_at) as ended,
            (select count(*) from ruawatch.reports) as reports, (select count(*) from ruawatch.records) as records
       from ruawatch.messages`,
  );
  const { lost, ...stored } = rows[0]!;
  if (lost > 0 || stored.reports !== stored.mails)
    throw new Error(`Of ${stored.mails} mails, ${lost} were not stored; there are ${stored.reports} reports.`);
  return stored;
}

/** Megabytes on disk, by family of tables. */
async function diskOf(db: Db): Promise<Record<string, number>> {
  const { rows } = await db.query<{ family: string; mb: number }>(
    `select case when relname ~ '^(raw|records)' then substring(relname from '^[a-z]+')
                 when relname ~ '^(source_days|policy_days|subdomain_days|selector_days|sources)' then 'rollups' else 'rest' end as family,
            round(sum(pg_total_relation_size(oid)) / 1048576, 1) as mb
       from pg_class where relnamespace = 'ruawatch'::regnamespace and relkind = 'r' group by 1 order by 1`,
  );
  return Object.fromEntries(rows.map(({ family, mb }) => [family, mb]));
}
