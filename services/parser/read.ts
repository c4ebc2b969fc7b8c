import type { Limits } from '../report/limits.ts';
import { readMessage } from '../report/read.ts';
import { copyLines, type LineCache } from '../store/copy.ts';
import { noteOther, nothingRead } from './others.ts';
import { BATCH_RECORDS, type Piece, type ReadResult } from './pieces.ts';

/** Records a piece of a large message: what is alive at once, garbage collection must copy. */
const PIECE_RECORDS = 250;

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
      yield { type: 'lines', key, begin: event.begin, records: event.records.length, lines };
      n += event.records.length;
      continue;
    }
    if (event.type === 'report') yield { type: 'report', part: event.part, key: key ?? (await keyOf()), report: event.report };
    else yield { type: 'event', event };
    key = null;
    n = 0;
  }
}
