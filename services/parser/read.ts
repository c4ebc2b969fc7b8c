import type { Limits } from '../report/limits.ts';
import type { AggregateReport, ReadEvent } from '../report/model.ts';
import { readMessage } from '../report/read.ts';
import { copyLines, type LineCache } from '../store/copy.ts';
import { noteOther, nothingRead, type OtherResult } from './others.ts';

/** Records gathered for one transaction: the knee of the curve in facts of performance (smaller and larger are slower). */
export const BATCH_RECORDS = 5_000;
/** Records a piece of a large message: what is alive at once, garbage collection must copy. */
const PIECE_RECORDS = 250;

/** One report of a message that was read whole into memory. */
export interface ReadReport {
  part: number;
  /** Its key, taken before it is known whether the report is new: a gap in the sequence costs nothing. */
  key: number;
  report: AggregateReport;
  /** Its records, as COPY wants them. */
  lines: string;
}

/** What was read from one small message. */
export interface ReadResult extends OtherResult {
  reports: ReadReport[];
}

/** What comes while a large message is read: lines of COPY before their report. */
export type Piece =
  | { type: 'lines'; key: number; records: number; lines: string }
  | { type: 'report'; part: number; key: number; report: AggregateReport }
  | { type: 'event'; event: Exclude<ReadEvent, { type: 'records' | 'report' }> };

/** More report keys, several at once. */
export type MoreKeys = () => Promise<number[]>;

/** Report keys one by one, `more` whenever they run out. */
export function keysFrom(more: MoreKeys): () => Promise<number> {
  let keys: number[] = [];
  return async () => {
    if (keys.length === 0) keys = (await more()).reverse();
    return keys.pop()!;
  };
}

/** Reads one message into memory; one that proves large inside is left to `readLarge`. */
export async function readSmall(
  raw: Uint8Array,
  limits: Partial<Limits>,
  keyOf: () => Promise<number>,
): Promise<ReadResult | 'large'> {
  const result: ReadResult = { ...nothingRead(), reports: [] };
  let key: number | null = null;
  let lines = '';
  let n = 0;
  let seen = 0;
  for await (const event of readMessage(raw, { limits, batch: BATCH_RECORDS })) {
    if (event.type === 'records') {
      key ??= await keyOf();
      lines += copyLines(key, n + 1, event.begin, event.records);
      n += event.records.length;
      seen += event.records.length;
      if (seen > 4 * BATCH_RECORDS) return 'large';
      continue;
    }
    if (event.type === 'report') {
      result.reports.push({ part: event.part, key: key ?? (await keyOf()), report: event.report, lines });
    } else noteOther(event, result);
    key = null;
    lines = '';
    n = 0;
  }
  return result;
}

/** Reads one message of any size, piece by piece. */
export async function* readLarge(raw: Uint8Array, limits: Partial<Limits>, keyOf: () => Promise<number>): AsyncGenerator<Piece> {
  const cache: LineCache = new WeakMap();
  let key: number | null = null;
  let n = 0;
  for await (const event of readMessage(raw, { limits, batch: PIECE_RECORDS })) {
    if (event.type === 'records') {
      key ??= await keyOf();
      const lines = copyLines(key, n + 1, event.begin, event.records, cache);
      yield { type: 'lines', key, records: event.records.length, lines };
      n += event.records.length;
      continue;
    }
    if (event.type === 'report') yield { type: 'report', part: event.part, key: key ?? (await keyOf()), report: event.report };
    else yield { type: 'event', event };
    key = null;
    n = 0;
  }
}
