import type { Limits } from '../../report/limits.ts';
import { readMessage } from '../../report/read.ts';
import type { Config } from '../../shared/settings/config.ts';
import { copyLines, type LineCache } from '../../store/reports/copy-records.ts';
import { addOther, nothingElse } from '../other-reports.ts';
import type { Inspected, Origin } from '../verify/origin.ts';
import { BATCH_RECORDS, type LargePiece, type Piece, type ReadResult } from './protocol.ts';

/** The settings by which a mail's author is established; null when nobody asks for the author. */
export type TrustSettings = Config['trust'] | null;

/** How a message is read. */
export interface ReadSettings {
  limits: Partial<Limits>;
  /** Gives the key of the next report. */
  keyOf: () => Promise<number>;
  trust?: TrustSettings | undefined;
}

/** Records in one piece of a large message: garbage collection copies whatever is alive at once. */
const PIECE_RECORDS = 250;
/** Records of a message above which it is large. */
const SMALL_RECORDS = BATCH_RECORDS;

/**
 * Loaded when a mail's author is first asked for: an import does not need it, and it brings the verification
 * of signatures.
 */
async function originIn(raw: Uint8Array, trust: Config['trust']): Promise<Origin> {
  const { originOf } = await import('../verify/origin.ts');
  return originOf(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength), trust);
}

/**
 * What a mail's header and signatures say about its author; the keys are looked up by the thread that has the
 * network.
 * @param at when the mail arrived, in milliseconds
 */
export async function inspect(raw: Uint8Array, at: number, trust: Config['trust']): Promise<Inspected> {
  const { inspectMail } = await import('../verify/origin.ts');
  return inspectMail(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength), new Date(at), trust);
}

/** Reads one message into memory; one that turns out to hold too many records is left to `readLarge`. */
export async function readSmall(raw: Uint8Array, { limits, keyOf, trust = null }: ReadSettings): Promise<ReadResult | 'large'> {
  const result: ReadResult = { ...nothingElse(), reports: [], origin: null };
  let lines = '';
  let records = 0;
  for await (const piece of readPieces(raw, { limits, keyOf, batch: BATCH_RECORDS, cache: null })) {
    if (piece.type === 'lines') {
      lines += piece.lines as string;
      records += piece.records;
      if (records > SMALL_RECORDS) return 'large';
      continue;
    }
    if (piece.type === 'report') result.reports.push({ ...piece, lines });
    else addOther(piece, result);
    lines = '';
  }
  if (result.reports.length > 0 && trust !== null) result.origin = await originIn(raw, trust);
  return result;
}

/** Reads one message of any size, piece by piece. */
export async function* readLarge(raw: Uint8Array, { limits, keyOf, trust = null }: ReadSettings): AsyncGenerator<LargePiece> {
  if (trust !== null) yield { type: 'origin', origin: await originIn(raw, trust) };
  yield* readPieces(raw, { limits, keyOf, batch: PIECE_RECORDS, cache: new WeakMap() });
}

/** The pieces of one message: records become lines of COPY under the key of their report. */
async function* readPieces(
  raw: Uint8Array,
  { limits, keyOf, batch, cache }: Omit<ReadSettings, 'trust'> & { batch: number; cache: LineCache | null },
): AsyncGenerator<Piece> {
  /** The key of the report whose records are being read, and how many there were. */
  let key: number | null = null;
  let n = 0;
  for await (const event of readMessage(raw, { limits, batch })) {
    if (event.type === 'records') {
      const { begin, records } = event;
      key ??= await keyOf();
      yield { type: 'lines', key, begin, records: records.length, lines: copyLines({ key, n: n + 1, begin }, records, cache) };
      n += records.length;
      continue;
    }
    if (event.type === 'report') {
      const { part, report, doubt } = event;
      yield { type: 'report', part, key: key ?? (await keyOf()), report, doubt, lines: '' };
    } else yield event;
    key = null;
    n = 0;
  }
}
