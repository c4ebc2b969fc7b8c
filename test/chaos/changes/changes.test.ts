import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from '../../../demo/random.ts';
import { verifyAudit } from '../../../services/store/requests/audit.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { type Run, ruawatch } from '../../helpers/process.ts';
import { updatable } from '../../helpers/update-servers.ts';
import { MortalKnot } from './knot.ts';
import { Load, ZONE } from './load.ts';
import { type Relay, startRelay } from './relay.ts';

/** Kills and cuts: a few here, 200 in .ci/full. */
const FAULTS = Number(process.env.CHANGE_FAULTS ?? 8);
const SEED = process.env.CHANGE_SEED ?? String(Date.now() % 2 ** 31);
/** Milliseconds between two faults: some hit a process that starts, some one that works. */
const BETWEEN: [number, number] = [50, 3_000];
/** Requests that wait at any time, and milliseconds between two of them, so that every fault meets work. */
const WAITING = 12;
const FEED_MS = 80;
const SETTLE_MS = 120_000;

/** Appliers as real processes, started again whenever one is killed. */
class Appliers {
  killed = 0;
  private readonly env: Record<string, string>;
  private readonly running: Run[];

  constructor(env: Record<string, string>, n: number) {
    this.env = env;
    this.running = Array.from({ length: n }, () => this.start());
  }

  async kill(at: number): Promise<void> {
    const run = this.running[at]!;
    run.child.kill('SIGKILL');
    await run.ended;
    this.killed++;
    this.running[at] = this.start();
  }

  async stop(): Promise<void> {
    for (const { child } of this.running) child.kill('SIGKILL');
    await Promise.all(this.running.map(({ ended }) => ended));
  }

  logs(): string {
    return this.running.map((run) => run.stdout().slice(-4_000) + run.stderr().slice(-2_000)).join('\n');
  }

  private start(): Run {
    return ruawatch(['start', 'applier'], this.env);
  }
}

let t: TestDatabase;
let knot: MortalKnot;
let relay: Relay;
let folder: string;
beforeAll(async () => {
  if (!updatable.knot) return;
  t = await testDatabase();
  const secret = randomBytes(32).toString('base64');
  knot = await MortalKnot.start(ZONE, { name: 'ruawatch', secret });
  relay = await startRelay(knot.port);
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-chaos-'));
  writeFileSync(
    path.join(folder, 'ruawatch.yaml'),
    JSON.stringify({
      sweep: { every_seconds: 1 },
      dns_servers: [`127.0.0.1:${knot.port}`],
      dns: {
        servers: [{ name: 'primary', zones: [ZONE], address: `127.0.0.1:${relay.port}`, key: { name: 'ruawatch', secret } }],
      },
    }),
  );
});
afterAll(async () => {
  await relay?.stop();
  await knot?.stop();
  await t?.drop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

const openRequests = async () =>
  (await t.db.query<{ n: number }>("select count(*) as n from ruawatch.requests where state in ('approved', 'applying')"))
    .rows[0]!.n;

test.runIf(updatable.knot)(
  `${FAULTS} kills of appliers, server and network change nothing twice and lose nothing${updatable.knot ? '' : ' (SKIPPED: knot is not installed)'}`,
  async () => {
    const random = new Random(`changes/${SEED}`);
    const load = new Load(t.db, random);
    const env = { DATABASE_URL: t.url, RUAWATCH_CONFIG: path.join(folder, 'ruawatch.yaml'), LOG_LEVEL: 'info' };
    const appliers = new Appliers(env, 2);
    let feeding = true;
    const feed = async () => {
      while (feeding) {
        if ((await openRequests()) < 3 * WAITING) await load.open();
        await wait(FEED_MS);
      }
    };
    for (let n = 0; n < WAITING; n++) await load.open();
    const fed = feed();
    const met = { applier: 0, server: 0, network: 0 };
    try {
      for (let n = 0; n < FAULTS; n++) {
        await wait(random.int(...BETWEEN));
        const kind = random.int(0, 9);
        if (kind < 5) {
          met.applier++;
          await appliers.kill(random.int(0, 1));
        } else if (kind < 7) {
          met.server++;
          await knot.killed();
        } else {
          met.network++;
          if (kind === 7) relay.cut();
          else if (kind === 8) relay.refuse(random.int(50, 1_500));
          else relay.loseAnswers(random.int(1, 5));
        }
      }
      feeding = false;
      await fed;
      for (const end = Date.now() + SETTLE_MS; (await openRequests()) > 0; ) {
        if (Date.now() > end) throw new Error(`requests are not settled:\n${appliers.logs()}`);
        await wait(200);
      }
    } finally {
      feeding = false;
      await appliers.stop();
    }
    const wrong: string[] = [];
    const { rows } = await t.db.query<{ request_key: number; state: string; outcome: string }>(
      'select request_key, state, outcome from ruawatch.requests',
    );
    const ends = new Map(rows.map((row) => [row.request_key, row]));
    for (const { key, state, texts } of load.expected) {
      const end = ends.get(key)!;
      if (end.state !== state) wrong.push(`request ${key} is ${end.state}, not ${state}: ${end.outcome}`);
      for (const [name, wanted] of Object.entries(texts)) {
        const answer = await knot.dns.ask(`${name}.${ZONE}`, 'TXT');
        const there = answer.state === 'records' ? answer.records.map((strings) => strings.join('')).sort() : [];
        if (JSON.stringify(there) !== JSON.stringify([...wanted].sort()))
          wrong.push(`request ${key} (${end.outcome}): ${name} has ${there}, not ${wanted}`);
      }
    }
    const effects = load.expected.reduce((sum, one) => sum + one.effects, 0);
    const { names: made, serials } = await knot.changes();
    const { rows: open } = await t.db.query(
      "select count(*) as n from ruawatch.changes where state = 'intended' and request_key in (select request_key from ruawatch.requests where state = 'done')",
    );
    const { rows: entries } = await t.db.query(
      'select source, count(*) from ruawatch.sender_list group by source having count(*) > 1',
    );
    console.log(
      `seed ${SEED}: ${load.expected.length} requests, ${made} changes of names (${effects} expected) in ${serials} of the zone, by ${relay.passed} updates; ${met.applier} kills of appliers, ${met.server} of the server, ${met.network} cuts; ${wrong.length} wrong`,
    );
    expect(wrong).toEqual([]);
    expect(made).toBe(effects);
    expect(open[0]).toEqual({ n: 0 });
    expect(entries).toEqual([]);
    expect(await verifyAudit(t.db)).toMatchObject({ faults: [] });
  },
  SETTLE_MS + 60_000 + FAULTS * 6_000,
);
