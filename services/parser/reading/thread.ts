import { parentPort, workerData } from 'node:worker_threads';
import type { Limits } from '../../report/limits.ts';
import { DeadBuffers } from '../../shared/runtime/garbage.ts';
import { RecordLines } from '../../store/reports/record-lines.ts';
import type { Inspected } from '../verify/origin.ts';
import { keysFrom, type LargePiece, type ReadResult } from './protocol.ts';
import { inspect, readLarge, readSmall, type TrustSettings } from './read.ts';

/** What a thread is started with. */
export interface ThreadData {
  limits: Partial<Limits>;
  /** Int32: messages begun so far, and 1 while one is being read (not while the other side is waited for). */
  state: SharedArrayBuffer;
}

/** What to do with mails. `at` is when the mail arrived, in milliseconds. */
export type Task =
  | { how: 'small' | 'large'; trust: TrustSettings }
  | { how: 'inspect'; trust: NonNullable<TrustSettings>; at: number };

/** A message to the thread. `ends` are the positions in `bytes` at which the mails end. */
export type Order =
  | ({ type: 'read'; bytes: ArrayBuffer; ends: number[] } & Task)
  | { type: 'keys'; keys: number[] }
  | { type: 'taken'; length: number }
  /** A buffer of COPY text that has been sent, to be used again. */
  | { type: 'back'; buffer: ArrayBuffer };

/**
 * The thread's answers, in the order of the mails. `length` counts towards AHEAD_LENGTH; a `lent` buffer must
 * be sent back.
 */
export type Answer =
  | { type: 'small'; results: (ReadResult | 'large')[]; length: number }
  | { type: 'piece'; piece: LargePiece; lent: boolean }
  | { type: 'inspected'; mail: Inspected }
  | { type: 'threw'; message: string; stack: string | undefined }
  | { type: 'more_keys' }
  | { type: 'done' };

/** Bytes of small reports' COPY text that may be under way or waiting on the other side: back-pressure. */
const AHEAD_LENGTH = 1024 * 1024;
/**
 * Small mails in one answer, at most: a message between threads, and waking the other, costs as much as
 * reading such a mail.
 */
const ANSWER_MAILS = 64;
/**
 * Buffers for a large report's COPY text. They come back and are used again, so that they leave no garbage on
 * either side. There are as many as may be under way, waiting on the other side, or in the socket. A full one
 * is larger than SOCKET_BYTES.
 */
const BUFFERS = 4;
const BUFFER_BYTES = 256 * 1024;

/** Up to 8 MiB of dead buffers may wait for V8 to collect them. */
const garbage = new DeadBuffers(8 * 1024 * 1024);

const port = parentPort!;
const { limits, state: shared } = workerData as ThreadData;
const state = new Int32Array(shared);
let ahead = 0;
let lent = 0;
const buffers: ArrayBuffer[] = [];
let wake: (() => void) | null = null;
let keys: number[] | null = null;

const answer = (message: Answer, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

/** Waits for the other side; that time does not count towards the mail's budget. */
async function pause(until: () => boolean): Promise<void> {
  const busy = Atomics.exchange(state, 1, 0);
  while (!until()) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  Atomics.store(state, 1, busy);
}

async function moreKeys(): Promise<number[]> {
  keys = null;
  answer({ type: 'more_keys' });
  await pause(() => keys !== null);
  return keys!;
}

/**
 * Gathers what was read from small mails, the lines of many mails in one buffer, which is transferred without
 * a copy.
 */
class SmallAnswers {
  private results: (ReadResult | 'large')[] = [];
  private bytes: Uint8Array<ArrayBuffer> | null = null;
  private used = 0;

  async add(result: ReadResult | 'large'): Promise<void> {
    const reports = result === 'large' ? [] : result.reports;
    let size = 0;
    for (const { lines } of reports) size += lines.length;
    if (this.bytes !== null && this.used + size > this.bytes.length) await this.flush();
    if (size > 0) this.bytes ??= new Uint8Array(Math.max(size, BUFFER_BYTES));
    for (const report of reports) {
      if (report.lines === '') continue;
      const end = this.used + report.lines.length;
      this.bytes!.set(report.lines, this.used);
      report.lines = this.bytes!.subarray(this.used, end);
      this.used = end;
    }
    this.results.push(result);
    if (this.results.length === ANSWER_MAILS) await this.flush();
  }

  /** Sends what has not been sent yet. */
  async flush(): Promise<void> {
    if (this.results.length === 0) return;
    ahead += this.used;
    answer({ type: 'small', results: this.results, length: this.used }, this.bytes === null ? [] : [this.bytes.buffer]);
    this.results = [];
    this.bytes = null;
    this.used = 0;
    if (ahead > AHEAD_LENGTH) await pause(() => ahead <= AHEAD_LENGTH);
  }
}

/** Gathers the lines of a large mail in buffers. */
class LineBuffers {
  private bytes: Uint8Array<ArrayBuffer> | null = null;
  private used = 0;
  private key = 0;
  private begin = 0;
  private records = 0;

  async add({ key, begin, records, lines }: LargePiece & { type: 'lines' }): Promise<void> {
    if (key !== this.key) this.flush();
    this.key = key;
    this.begin = begin;
    this.records += records;
    for (let from = 0; ; ) {
      this.bytes ??= await this.buffer();
      const part = lines.subarray(from, from + this.bytes.length - this.used);
      this.bytes.set(part, this.used);
      this.used += part.length;
      from += part.length;
      if (from === lines.length) return;
      this.send(this.bytes.subarray(0, this.used), true);
      lent++;
    }
  }

  /** Sends what is left, in a buffer of just its size that does not come back. */
  flush(): void {
    if (this.bytes === null || this.used === 0) return;
    const bytes = this.bytes.slice(0, this.used);
    buffers.push(this.bytes.buffer);
    this.send(bytes, false);
  }

  private send(lines: Uint8Array<ArrayBuffer>, isLent: boolean): void {
    const piece: LargePiece = { type: 'lines', key: this.key, begin: this.begin, records: this.records, lines };
    answer({ type: 'piece', piece, lent: isLent }, [lines.buffer]);
    this.bytes = null;
    this.used = 0;
    this.records = 0;
  }

  private async buffer(): Promise<Uint8Array<ArrayBuffer>> {
    if (lent === BUFFERS) await pause(() => lent < BUFFERS);
    return new Uint8Array(buffers.pop() ?? new ArrayBuffer(BUFFER_BYTES));
  }
}

async function read(order: Order & { type: 'read' }): Promise<void> {
  const { bytes, ends, trust } = order;
  // Keys do not outlive the transaction they were taken in: when it fails and the server crashes, the
  // sequence hands them out again.
  const keyOf = keysFrom(moreKeys);
  const answers = new SmallAnswers();
  const lines = new RecordLines();
  let start = 0;
  for (const end of ends) {
    const raw = new Uint8Array(bytes, start, end - start);
    start = end;
    Atomics.add(state, 0, 1);
    Atomics.store(state, 1, 1);
    try {
      if (order.how === 'inspect') answer({ type: 'inspected', mail: await inspect(raw, order.at, order.trust) });
      else if (order.how === 'small') await answers.add(await readSmall(raw, { limits, keyOf, trust, lines }));
      else {
        const buffered = new LineBuffers();
        for await (const piece of readLarge(raw, { limits, keyOf, trust, lines })) {
          if (piece.type === 'lines') await buffered.add(piece);
          else {
            buffered.flush();
            answer({ type: 'piece', piece, lent: false });
          }
        }
        buffered.flush();
      }
    } catch (error) {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      answer({ type: 'threw', message, stack });
      break;
    } finally {
      Atomics.store(state, 1, 0);
    }
    garbage.check(bytes.byteLength);
  }
  await answers.flush();
  answer({ type: 'done' });
}

port.on('message', (order: Order) => {
  if (order.type === 'read') {
    ahead = 0;
    void read(order);
    return;
  }
  if (order.type === 'keys') keys = order.keys;
  else if (order.type === 'taken') ahead -= order.length;
  else {
    buffers.push(order.buffer);
    lent--;
  }
  wake?.();
});
