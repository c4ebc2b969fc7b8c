import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import type { Limits } from '../../report/limits.ts';
import { collectGarbage } from '../../shared/runtime/garbage.ts';
import type { Inspected } from '../verify/origin.ts';
import { keysFrom, type Piece, type ReadResult } from './protocol.ts';
import { inspect, readLarge, readSmall, type Trusted } from './read.ts';

/** What a thread is made with. */
export interface ThreadData {
  limits: Partial<Limits>;
  /** Int32: messages begun so far, and 1 while one is being read (not while the other side is waited for). */
  state: SharedArrayBuffer;
}

/** What is to be made of mails. `at` is when the mail arrived, in milliseconds. */
export type Reading = { how: 'small' | 'large'; trust: Trusted } | { how: 'inspect'; trust: NonNullable<Trusted>; at: number };

/** What a thread is told. `ends` are where each mail ends in `bytes`. */
export type Order =
  | ({ type: 'read'; bytes: ArrayBuffer; ends: number[] } & Reading)
  | { type: 'keys'; keys: number[] }
  | { type: 'taken'; length: number }
  /** A buffer of COPY text whose bytes have gone, to be used again. */
  | { type: 'back'; buffer: ArrayBuffer };

/** What it answers, in the order of the mails. `length` is what counts against AHEAD_LENGTH; what is `lent` is to be sent back. */
export type Answer =
  | { type: 'small'; results: (ReadResult | 'large')[]; length: number }
  | { type: 'piece'; piece: Piece; lent: boolean }
  | { type: 'inspected'; mail: Inspected }
  | { type: 'threw'; message: string; stack: string | undefined }
  | { type: 'more_keys' }
  | { type: 'done' };

/** Bytes of small reports' COPY text that may be on their way or wait on the other side: back-pressure. */
const AHEAD_LENGTH = 1024 * 1024;
/** Small mails answered at once, at most: a message between threads, and waking the other, costs as much as reading such a mail. */
const ANSWERED = 64;
/**
 * A large report's COPY text goes in buffers that come back, so that it leaves no garbage on either side: as many as may be on their
 * way, wait on the other side, or lie in the socket. A full one is above SOCKET_BYTES.
 */
const BUFFERS = 4;
const BUFFER_BYTES = 256 * 1024;

/** Bytes of buffers after which garbage is collected. */
const GARBAGE_BYTES = 8 * 1024 * 1024;

const port = parentPort!;
const { limits, state: shared } = workerData as ThreadData;
const state = new Int32Array(shared);
let ahead = 0;
let lent = 0;
const buffers: ArrayBuffer[] = [];
const encoder = new TextEncoder();
let wake: (() => void) | null = null;
let keys: number[] | null = null;

const answer = (message: Answer, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

/** Waits for word from the other side; that time is not the mail's. */
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

/** Gathers what was read from small mails, the lines of many of them in one buffer, which is handed over and not copied. */
class Results {
  private results: (ReadResult | 'large')[] = [];
  private bytes: Uint8Array<ArrayBuffer> | null = null;
  private used = 0;

  async add(result: ReadResult | 'large'): Promise<void> {
    const reports = result === 'large' ? [] : result.reports;
    let size = 0;
    for (const { lines } of reports) size += Buffer.byteLength(lines as string);
    if (this.bytes !== null && this.used + size > this.bytes.length) await this.rest();
    if (size > 0) this.bytes ??= new Uint8Array(Math.max(size, BUFFER_BYTES));
    for (const report of reports) {
      if (report.lines === '' || this.bytes === null) continue;
      const { written } = encoder.encodeInto(report.lines as string, this.bytes.subarray(this.used));
      report.lines = this.bytes.subarray(this.used, this.used + written);
      this.used += written;
    }
    this.results.push(result);
    if (this.results.length === ANSWERED) await this.rest();
  }

  /** Sends what has not been sent yet. */
  async rest(): Promise<void> {
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
class Lines {
  private bytes: Uint8Array<ArrayBuffer> | null = null;
  private used = 0;
  private key = 0;
  private begin = 0;
  private records = 0;

  async add({ key, begin, records, lines }: Piece & { type: 'lines' }): Promise<void> {
    if (key !== this.key) this.rest();
    this.key = key;
    this.begin = begin;
    this.records += records;
    for (let text = lines as string; ; ) {
      this.bytes ??= await this.buffer();
      const { read, written } = encoder.encodeInto(text, this.bytes.subarray(this.used));
      this.used += written;
      if (read === text.length) return;
      text = text.slice(read);
      this.hand(this.bytes.subarray(0, this.used), true);
      lent++;
    }
  }

  /** Sends what is left over, in a buffer of its own size that does not come back. */
  rest(): void {
    if (this.bytes === null || this.used === 0) return;
    const bytes = this.bytes.slice(0, this.used);
    buffers.push(this.bytes.buffer);
    this.hand(bytes, false);
  }

  private hand(lines: Uint8Array<ArrayBuffer>, isLent: boolean): void {
    const piece: Piece = { type: 'lines', key: this.key, begin: this.begin, records: this.records, lines };
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
  // Keys do not outlive the transaction they were taken in: when it fails and the server crashes, the sequence gives them out again.
  const keyOf = keysFrom(moreKeys);
  const results = new Results();
  let start = 0;
  for (const end of ends) {
    const raw = new Uint8Array(bytes, start, end - start);
    start = end;
    Atomics.add(state, 0, 1);
    Atomics.store(state, 1, 1);
    try {
      if (order.how === 'inspect') answer({ type: 'inspected', mail: await inspect(raw, order.at, order.trust) });
      else if (order.how === 'small') await results.add(await readSmall(raw, limits, keyOf, trust));
      else {
        const lines = new Lines();
        for await (const piece of readLarge(raw, limits, keyOf, trust)) {
          if (piece.type === 'lines') await lines.add(piece);
          else {
            lines.rest();
            answer({ type: 'piece', piece, lent: false });
          }
        }
        lines.rest();
      }
    } catch (error) {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      answer({ type: 'threw', message, stack });
      break;
    } finally {
      Atomics.store(state, 1, 0);
    }
    if (getHeapStatistics().external_memory - bytes.byteLength > GARBAGE_BYTES) collectGarbage();
  }
  await results.rest();
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
