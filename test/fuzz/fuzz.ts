import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Case } from './cases.ts';
import type { News, Orders } from './worker.ts';

/** CPU time that a case may take; a busy machine makes no hang. */
const HANG_MS = 2_000;
/** What waits this long without using any is a hang too. */
const STUCK_MS = 60_000;
/** Heap a case may need: far more than the reader's limits allow it. */
const HEAP_MB = 256;
/** Live memory after a collection may grow by this much between the first round of cases and the last. */
const GROWTH_BYTES = 32 * 1024 * 1024;
/** Findings that are enough to look at. */
const MOST_FINDINGS = 10;
/** Memory of the process, over what it had before the first case. */
const RSS_BYTES = 600 * 1024 * 1024;

export interface Finding {
  /** Number of the case. */
  n: number;
  kind: 'crash' | 'hang' | 'memory';
  what: string;
}

export interface FuzzResult {
  cases: number;
  seconds: number;
  outcomes: Record<string, number>;
  findings: Finding[];
  /** Live memory after the first and the last round, and the most that the process had, in bytes. */
  live: { first: number; last: number };
  peakRss: number;
}

export interface FuzzOptions {
  seed: number;
  /** Ends after this long, however few cases a busy machine has read by then. */
  seconds: number;
  /** Ends after this many cases of the seed. */
  cases?: number;
  /** Reads this and nothing else. */
  one?: Case;
  /** The module whose `readMessage` is tried. */
  reader?: string;
  /** Ends after this many findings (default 10). */
  most?: number;
}

/**
 * Reads one case after the other in a thread, and watches it from outside: a case that hangs is found, named
 * and passed over, as is one that takes all memory.
 */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const started = performance.now();
  const stopAt = Date.now() + options.seconds * 1000;
  const most = options.most ?? MOST_FINDINGS;
  const result: FuzzResult = { cases: 0, seconds: 0, outcomes: {}, findings: [], live: { first: 0, last: 0 }, peakRss: 0 };
  const reader =
    options.reader ?? new URL(`../../services/report/read-mail${path.extname(import.meta.filename)}`, import.meta.url).href;
  const to = options.cases ?? Number.POSITIVE_INFINITY;
  let from = 0;
  for (;;) {
    const orders: Orders = {
      seed: options.seed,
      from,
      to,
      one: options.one ?? null,
      reader,
      state: new SharedArrayBuffer(8),
      stopAt: options.one ? Number.POSITIVE_INFINITY : stopAt,
    };
    const before = result.findings.length;
    const last = await watch(orders, result, most);
    const found = result.findings.length > before;
    from = last + 1;
    if (!found || options.one || Date.now() >= stopAt || from >= to || result.findings.length >= most) break;
  }
  if (result.live.last - result.live.first > GROWTH_BYTES) {
    const mib = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MiB`;
    result.findings.push({
      n: -1,
      kind: 'memory',
      what: `live memory grew from ${mib(result.live.first)} to ${mib(result.live.last)} over the cases`,
    });
  }
  result.seconds = (performance.now() - started) / 1000;
  return result;
}

/** Runs one thread until it has ended or had to be ended. @returns the case it was at */
async function watch(orders: Orders, result: FuzzResult, most: number): Promise<number> {
  const state = new Int32Array(orders.state);
  const worker = new Worker(new URL(`./worker${path.extname(import.meta.filename)}`, import.meta.url), {
    workerData: orders,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  let over = false;
  let restart = false;
  const add = (finding: Finding) => result.findings.push(finding);
  worker.on('message', (news: News) => {
    if (news.type === 'counts') {
      result.cases += news.cases;
      for (const [outcome, n] of Object.entries(news.outcomes)) result.outcomes[outcome] = (result.outcomes[outcome] ?? 0) + n;
      result.live.last = news.liveBytes;
      if (result.live.first === 0) result.live.first = news.liveBytes;
    } else if (news.type === 'broken') {
      add({ n: news.n, kind: 'crash', what: news.error });
      // The thread goes on by itself, unless there is enough to look at.
      if (result.findings.length >= most) restart = true;
    }
  });
  worker.on('error', (error: NodeJS.ErrnoException) => {
    const memory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
    add({
      n: Atomics.load(state, 0),
      kind: memory ? 'memory' : 'crash',
      what: memory ? `needs more than ${HEAP_MB} MB of heap` : `${error.stack}`,
    });
  });
  const ended = new Promise<void>((resolve) =>
    worker.once('exit', () => {
      over = true;
      resolve();
    }),
  );
  const base = process.memoryUsage().rss;
  let at = -1;
  let busySince = 0;
  let cpuSince = 0;
  const cpuMs = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  while (!over && !restart) {
    await Promise.race([wait(50), ended]);
    const { rss } = process.memoryUsage();
    result.peakRss = Math.max(result.peakRss, rss);
    const n = Atomics.load(state, 0);
    const busy = Atomics.load(state, 1) === 1;
    if (!busy || n !== at) {
      at = busy ? n : -1;
      busySince = performance.now();
      cpuSince = cpuMs();
    } else if (cpuMs() - cpuSince > HANG_MS || performance.now() - busySince > STUCK_MS) {
      add({ n, kind: 'hang', what: `takes longer than ${HANG_MS / 1000} s` });
      restart = true;
    }
    if (busy && rss - base > RSS_BYTES && !restart) {
      add({ n, kind: 'memory', what: `the process has grown by ${Math.round((rss - base) / 1024 / 1024)} MiB` });
      restart = true;
    }
  }
  await worker.terminate();
  return Atomics.load(state, 0);
}
