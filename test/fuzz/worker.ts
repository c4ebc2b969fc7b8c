import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { type Case, loadCorpus, makeCase } from './cases.ts';
import { judge, type Reader } from './judge.ts';

/** What a thread of the fuzzer is told. */
export interface Orders {
  seed: number;
  /** The first case, and the one before which it ends. */
  from: number;
  to: number;
  /** The only case to read. */
  one: Case | null;
  /** A module that exports `readMessage`. */
  reader: string;
  /** Int32: number of the case being read, and 1 while it is read. */
  state: SharedArrayBuffer;
  stopAt: number;
}

/** What it tells: how many cases ended how, the live memory after a collection, or what went wrong. */
export type News =
  | { type: 'counts'; cases: number; outcomes: Record<string, number>; liveBytes: number }
  | { type: 'broken'; n: number; error: string }
  | { type: 'done' };

/** Cases between two collections of garbage, when live memory is measured. */
const CASES_A_ROUND = 500;

const orders = workerData as Orders;
const state = new Int32Array(orders.state);
const { readMessage } = (await import(orders.reader)) as { readMessage: Reader };
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const tell = (news: News) => parentPort?.postMessage(news);

const corpus = loadCorpus();
let outcomes: Record<string, number> = {};
let cases = 0;
const report = () => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  tell({ type: 'counts', cases, outcomes, liveBytes: heapUsed + external });
  outcomes = {};
  cases = 0;
};

for (let n = orders.from; n < orders.to && Date.now() < orders.stopAt; n++) {
  const { raw, limits } = orders.one ?? makeCase(corpus, orders.seed, n);
  Atomics.store(state, 0, n);
  Atomics.store(state, 1, 1);
  try {
    const outcome = await judge(readMessage, raw, limits);
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  } catch (error) {
    tell({ type: 'broken', n, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
  Atomics.store(state, 1, 0);
  cases++;
  if (cases >= CASES_A_ROUND) report();
  if (orders.one) break;
}
report();
tell({ type: 'done' });
