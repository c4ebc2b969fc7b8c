import type { AggregateReport, ReadEvent } from '../../report/model.ts';
import type { OtherResult } from '../other-reports.ts';
import type { Origin } from '../verify/origin.ts';

/** Records gathered for one transaction: the knee of the curve in facts of performance (smaller and larger are slower). */
export const BATCH_RECORDS = 5_000;

/** One report of a message that was read whole into memory. */
export interface ReadReport {
  part: number;
  /** Its key, taken before it is known whether the report is new: a gap in the sequence costs nothing. */
  key: number;
  report: AggregateReport;
  /** Why what proves the mail does not prove this report; null when it does. */
  doubt: string | null;
  /** Its records, as COPY wants them. */
  lines: string | Uint8Array;
}

/** What was read from one small message. */
export interface ReadResult extends OtherResult {
  reports: ReadReport[];
  /** What the header says of the mail's author; null where that was not asked. */
  origin: Origin | null;
}

/** What comes while a large message is read: lines of COPY before their report. */
export type Piece =
  /** `begin`: the report's, seconds since the epoch. */
  | { type: 'lines'; key: number; begin: number; records: number; lines: string | Uint8Array }
  | { type: 'report'; part: number; key: number; report: AggregateReport; doubt: string | null }
  /** Before all others, when it was asked for. */
  | { type: 'origin'; origin: Origin }
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
