import type { Limits } from '../../report/limits.ts';
import { readMessage } from '../../report/read.ts';
import type { Config } from '../../shared/settings/config.ts';
import { copyLines, type LineCache } from '../../store/reports/copy-records.ts';
import { noteOther, nothingRead } from '../other-reports.ts';
import type { Inspected, Origin } from '../verify/origin.ts';
import { BATCH_RECORDS, type Piece, type ReadResult } from './protocol.ts';

/** Whom to believe about a mail's author; null: it is not asked. */
export type Trusted = Config['trust'] | null;

/** Records a piece of a large message: what is alive at once, garbage collection must copy. */
const PIECE_RECORDS = 250;

/** Loaded when a mail's author is first asked for: an import needs none of it, and it brings the public suffix list. */
async function originIn(raw: Uint8Array, trust: Config['trust']): Promise<Origin> {
  const { originOf } = await import('../verify/origin.ts');
  return originOf(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength), trust);
}

/** What a mail's signatures come to; the keys are asked for by who has the network. @param at when it arrived, milliseconds */
export async function inspect(raw: Uint8Array, at: number, trust: Config['trust']): Promise<Inspected> {
  const { inspectMail } = await import('../verify/origin.ts');
  return inspectMail(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength), new Date(at), trust);
}

/** Reads one message into memory; one that proves large inside is left to `readLarge`. */
export async function readSmall(
  raw: Uint8Array,
  limits: Partial<Limits>,
  keyOf: () => Promise<number>,
  trust: Trusted = null,
): Promise<ReadResult | 'large'> {
  const result: ReadResult = { ...nothingRead(), reports: [], origin: null };
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
      const { part, report, doubt } = event;
      result.reports.push({ part, key: key ?? (await keyOf()), report, doubt, lines });
    } else noteOther(event, result);
    key = null;
    lines = '';
    n = 0;
  }
  if (result.reports.length > 0 && trust !== null) result.origin = await originIn(raw, trust);
  return result;
}

/** Reads one message of any size, piece by piece. */
export async function* readLarge(
  raw: Uint8Array,
  limits: Partial<Limits>,
  keyOf: () => Promise<number>,
  trust: Trusted = null,
): AsyncGenerator<Piece> {
  if (trust !== null) yield { type: 'origin', origin: await originIn(raw, trust) };
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
    if (event.type === 'report') {
      const { part, report, doubt } = event;
      yield { type: 'report', part, key: key ?? (await keyOf()), report, doubt };
    } else yield { type: 'event', event };
    key = null;
    n = 0;
  }
}
