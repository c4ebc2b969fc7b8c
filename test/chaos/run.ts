import { setTimeout as wait } from 'node:timers/promises';
import type { Random } from '../../demo/random.ts';
import type { Db, Tx } from '../../services/shared/runtime/db.ts';
import { startChaos } from './faults.ts';
import type { ChaosMail } from './load.ts';
import { readTotals, type Totals } from './totals.ts';
import { startWorld, type World } from './world.ts';

export interface RunOptions {
  mails: readonly ChaosMail[];
  /** The mails are delivered in so many parts, each judged before the next. */
  waves: number;
  /** Null: undisturbed. */
  chaos: { random: Random; minutes: number; meanMs: number } | null;
  /** How long all work may take once nothing is disturbed any more. */
  quietSeconds: number;
  say(line: string): void;
}

export interface RunResult {
  totals: Totals;
  faults: Map<string, number>;
  /** See Chaos.met. */
  met: Map<string, number>;
  restarts: number;
  seconds: number;
  /** From the last disturbance until nothing was left to do. */
  settledSeconds: number;
  folder: string;
}

/** What is not done yet, one name each; all null or 0 at the end. */
const OPEN = `select (select count(*) from ruawatch.messages where state = 'received') as received,
       (select count(*) from ruawatch.messages where uid is not null and disposed_at is null) as undisposed,
       (select count(*) from ruawatch.mailboxes where backlog > 0) as backlog,
       (select count(*) from ruawatch.trust_checks) + (select count(*) from ruawatch.other_checks) as unverified,
       (select count(*) from ruawatch.analysis_work) as unjudged,
       (select count(*) from ruawatch.finding_events where handled_at is null) as untold,
       (select count(*) from ruawatch.outbox where state = 'pending') as pending`;

/**
 * Brings all mails through a pipeline of its own and reads what it came to. The folder with its logs is left
 * to the caller.
 */
export async function runOnce(options: RunOptions): Promise<RunResult> {
  const started = performance.now();
  const world = await startWorld();
  try {
    const result = await bring(world, options, started);
    result.totals.wrong.push(...(await world.stop({ keep: true })));
    return result;
  } catch (error) {
    await world.stop({ keep: true });
    throw new Error(`${error instanceof Error ? error.message : String(error)} (kept: ${world.folder})`, { cause: error });
  }
}

async function bring(world: World, options: RunOptions, started: number): Promise<RunResult> {
  const { mails, waves, chaos, say } = options;
  const { db } = world.postgres;
  const seconds = () => (performance.now() - started) / 1000;
  const disturbing =
    chaos && startChaos(world, chaos.random.fork('faults'), chaos.meanMs, (line) => say(`${seconds().toFixed(1)} ${line}`));
  const begun = performance.now();
  const chaosMs = (chaos?.minutes ?? 0) * 60_000;
  let over: Promise<void> | null = null;
  let overAt = performance.now();
  const end = () => {
    over ??= disturbing!.stop().then(() => {
      overAt = performance.now();
    });
    // Its failure is thrown where it is awaited.
    over.catch(() => undefined);
    return over;
  };
  const timer = disturbing ? setTimeout(end, chaosMs) : undefined;

  const size = Math.ceil(mails.length / waves);
  const seen = new Set<string>();
  for (let wave = 0; wave < waves; wave++) {
    const part = mails.slice(wave * size, (wave + 1) * size);
    await gate(world, true);
    await wait(Math.max(0, begun + (chaosMs * wave) / waves - performance.now()));
    const order = chaos ? skewed(part, chaos.random.fork(`order/${wave}`)) : part;
    // In the disturbed run they come over the first half of the wave's time, in bursts.
    const pause = chaos ? (chaosMs / waves / 2 / order.length) * BURST : 0;
    for (const [i, mail] of order.entries()) {
      world.deliver(mail);
      if (i % BURST === BURST - 1 && pause > 0) await wait(pause);
      seen.add(mail.raw.toString('latin1'));
    }
    say(`${seconds().toFixed(1)} wave ${wave + 1} of ${waves}: ${part.length} mails are in the mailbox`);
    await settled(world, seen.size, false, options, () => over !== null);
    const struck = disturbing?.alerting();
    await gate(world, false);
    await settled(world, seen.size, true, options, () => over !== null);
    await struck;
    // An alert refused at the end of the fault is followed by another mail.
    await settled(world, seen.size, true, options, () => over !== null);
    say(`${seconds().toFixed(1)} wave ${wave + 1} is judged`);
  }
  if (disturbing) {
    await wait(Math.max(0, begun + chaosMs - performance.now()));
    clearTimeout(timer);
    await end();
  }
  await finished(world, options);
  const settledSeconds = disturbing ? (performance.now() - overAt) / 1000 : 0;
  const totals = await readTotals(db, world.sink.mails);
  const mailbox = await world.inMailbox();
  const { rows } = await db.query<{ n: number }>(
    "select count(*) as n from ruawatch.messages where code in ('mail_too_large', 'mail_unreadable')",
  );
  if (mailbox.inbox !== rows[0]!.n || mailbox.inbox + mailbox.moved !== mails.length) {
    totals.wrong.push(
      `the mailbox holds ${mailbox.inbox} and ${mailbox.moved} moved mails, of ${mails.length}; ${rows[0]!.n} are to be left`,
    );
  }
  if (totals.counts.message !== seen.size) totals.wrong.push(`${totals.counts.message} messages of ${seen.size} different mails`);
  totals.wrong.push(...complaints(world));
  return {
    totals,
    faults: disturbing?.done ?? new Map(),
    met: disturbing?.met ?? new Map(),
    restarts: world.processes.restarts,
    seconds: seconds(),
    settledSeconds,
    folder: world.folder,
  };
}

const BURST = 10;

/** Mostly as they were received, many of them late: a mailbox fills in no order. */
function skewed(mails: readonly ChaosMail[], random: Random): ChaosMail[] {
  return mails
    .map((mail, i) => ({ mail, at: i + (random.chance(0.3) ? random.int(0, mails.length) : random.int(0, 20)) }))
    .sort((a, b) => a.at - b.at)
    .map(({ mail }) => mail);
}

/**
 * While it is closed, the analyzer believes that a second mailbox has mails which are not stored yet, and
 * waits: what it finds must not depend on how far the others happened to be when it looked.
 */
async function gate({ postgres }: World, closed: boolean): Promise<void> {
  await patiently(postgres.db, (client) =>
    client.query(
      closed
        ? `insert into ruawatch.mailboxes (mailbox, folder, backlog) values ('${GATE}', 'INBOX', 1) on conflict (mailbox) do update set backlog = 1`
        : `update ruawatch.mailboxes set backlog = 0 where mailbox = '${GATE}'`,
    ),
  );
}
const GATE = 'gate of the chaos run';

/** Asks until Postgres answers: the harness meets the same faults as the services. */
async function patiently<T>(db: Db, ask: (client: Tx) => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      const client = await db.connect();
      const lost = () => client.release(true);
      client.on('error', lost);
      try {
        await client.query('set default_transaction_read_only = off');
        return await ask(client);
      } finally {
        client.off('error', lost);
        client.release(true);
      }
    } catch (error) {
      if (tries > 600) throw error;
      await wait(100);
    }
  }
}

async function openWork(world: World): Promise<Record<string, number>> {
  const { rows } = await patiently(world.postgres.db, (client) => client.query<Record<string, number>>(OPEN));
  return rows[0]!;
}

/**
 * Waits until every mail is stored and, when `judged`, all that follows of it is done; bounded once nothing
 * is disturbed.
 */
async function settled(world: World, distinct: number, judged: boolean, options: RunOptions, calm: () => boolean): Promise<void> {
  let calmSince: number | null = null;
  for (;;) {
    if (options.chaos === null || calm()) calmSince ??= performance.now();
    const { rows } = await patiently(world.postgres.db, (client) =>
      client.query<{ n: number }>('select count(*) as n from ruawatch.messages'),
    );
    const open = await openWork(world);
    // The alerts too: one that is refused later would be made anew together with those of the next wave.
    if (rows[0]!.n === distinct && (!judged || Object.values(open).every((n) => n === 0))) return;
    if (calmSince !== null && performance.now() - calmSince > options.quietSeconds * 1000) {
      throw new Error(`something hangs: ${rows[0]!.n} of ${distinct} mails are stored, and open is ${JSON.stringify(open)}`);
    }
    await wait(200);
  }
}

async function finished(world: World, options: RunOptions): Promise<void> {
  const until = performance.now() + options.quietSeconds * 1000;
  for (let still = 0; still < 3; ) {
    const open = await openWork(world);
    still = Object.values(open).every((n) => n === 0) ? still + 1 : 0;
    if (performance.now() > until) throw new Error(`something hangs: open is ${JSON.stringify(open)}`);
    await wait(300);
  }
}

/** What no log may hold, whatever happens. */
function complaints(world: World): string[] {
  return world.processes.names.flatMap((name) => {
    const log = world.processes.logOf(name);
    const stack = /^.*\n\s+at \S+ \(.*:\d+:\d+\)/m.exec(log)?.[0] ?? /"stack":"[^"]{0,300}/.exec(log)?.[0];
    const failed = /^.*failed for good.*$/m.exec(log)?.[0];
    return [stack, failed].filter((line) => line !== undefined).map((line) => `${name}: ${line}`);
  });
}
