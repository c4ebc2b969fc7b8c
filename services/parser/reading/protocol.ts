import type { AggregateReport } from '../../report/model.ts';
import type { Origin } from '../verify/origin.ts';
import type { OtherEvent, OtherResult } from './other-result.ts';

/** Records gathered for one transaction; fewer and more are both slower. */
export const BATCH_RECORDS = 5_000;

/**
 * One aggregate report that was read. The batch completes this very object with its message and its reporter
 * (`attributed`), and the store writes its row from it.
 */
export interface ReadReport {
  part: number;
  /** Its key, taken before it is known whether the report is new: a gap in the sequence costs nothing. */
  key: number;
  report: AggregateReport;
  /** Why what proves the mail does not prove this report; null when it does. */
  doubt: string | null;
  /**
   * Its records as lines of COPY, as far as they have not been written yet; '' in a large message, whose
   * lines come as pieces.
   */
  lines: Uint8Array | '';
}

/** What was read from one small message. */
export interface ReadResult extends OtherResult {
  reports: ReadReport[];
  /** What the header says about the mail's author; null where that was not asked. */
  origin: Origin | null;
}

/** What comes while a message is read, in order. The lines of a report come before the report itself. */
export type Piece =
  /** `begin` is the report's, in seconds since the epoch. */
  | { type: 'lines'; key: number; begin: number; records: number; lines: Uint8Array }
  | ({ type: 'report' } & ReadReport)
  | OtherEvent;

/** The pieces of a large message; `origin` comes before all others, when it was asked for. */
export type LargePiece = Piece | { type: 'origin'; origin: Origin };

/** Takes several more report keys. */
export type MoreKeys = () => Promise<number[]>;

/** Report keys one by one; `more` is called whenever they run out. */
export function keysFrom(more: MoreKeys): () => Promise<number> {
  let keys: number[] = [];
  return async () => {
    if (keys.length === 0) keys = (await more()).reverse();
    return keys.pop()!;
  };
}
