import type { Limits } from '../../report/limits.ts';
import { readMessage } from '../../report/read-mail.ts';
import type { Config } from '../../shared/settings/config.ts';
import { RecordLines } from '../../store/reports/record-lines.ts';
import type { Inspected, Origin } from '../verify/origin.ts';
import { addOther, nothingElse } from './other-result.ts';
import { BATCH_RECORDS, type LargePiece, type Piece, type ReadResult } from './protocol.ts';

/** The settings by which a mail's author is established; null when nobody asks for the author. */
export type TrustSettings = Config['trust'] | null;

/** How a message is read. */
export interface ReadSettings {
  limits: Partial<Limits>;
  /** Gives the key of the next report. */
  keyOf: () => Promise<number>;
  trust?: TrustSettings | undefined;
  /** Where lines are written, and a key that the last message did not need. */
  lines?: RecordLines;
}

/**
 * Records after which the lines of a large message go out; those of a chunk of its document stay together.
 */
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
export async function readSmall(raw: Uint8Array, settings: ReadSettings): Promise<ReadResult | 'large'> {
  const { trust = null } = settings;
  const result: ReadResult = { ...nothingElse(), reports: [], origin: null };
  let lines: Uint8Array | '' = '';
  let records = 0;
  for await (const piece of readPieces(raw, settings, SMALL_RECORDS + 1)) {
    if (piece.type === 'lines') {
      records += piece.records;
      if (records > SMALL_RECORDS) return 'large';
      lines = piece.lines;
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
export async function* readLarge(raw: Uint8Array, settings: ReadSettings): AsyncGenerator<LargePiece> {
  const { trust = null } = settings;
  if (trust !== null) yield { type: 'origin', origin: await originIn(raw, trust) };
  yield* readPieces(raw, settings, PIECE_RECORDS);
}

/**
 * The pieces of one message: records become lines of COPY under the key of their report.
 * @param most records that may wait before the end of their report
 */
async function* readPieces(raw: Uint8Array, settings: ReadSettings, most: number): AsyncGenerator<Piece> {
  const { limits, keyOf, lines = new RecordLines() } = settings;
  lines.drop();
  lines.next(lines.key);
  for await (const event of readMessage(raw, { limits, sink: lines })) {
    if (lines.waiting > 0 && (event.type === 'report' || lines.waiting >= most)) {
      const { key, begin, waiting } = lines;
      yield { type: 'lines', key, begin, records: waiting, lines: lines.take() };
    }
    if (event.type === 'records') {
      if (lines.key === 0) lines.next(await keyOf());
      continue;
    }
    const { key, records } = lines;
    if (event.type === 'report')
      yield { type: 'report', part: event.part, key, report: event.report, doubt: event.doubt, lines: '' };
    else yield event;
    if (event.type !== 'report' && records === 0) continue;
    lines.drop();
    lines.next(0);
  }
}
