import type { Db, Tx } from '../shared/runtime/db.ts';
import { collectNewSpace } from '../shared/runtime/garbage.ts';
import { claimMessages, loadRaw } from '../store/messages/messages.ts';
import { markedTransaction } from '../store/messages/parse-marks.ts';
import { beginCopies, RecordCopy, undoCopies } from '../store/reports/copy-records.ts';
import { takeReportKeys } from '../store/reports/reports.ts';
import { type BatchResult, emptyResult } from './batch-result.ts';
import type { ParseSettings } from './parse-options.ts';
import { addOther, nothingElse } from './reading/other-result.ts';
import { BATCH_RECORDS } from './reading/protocol.ts';
import { verdictsWhileParsing, verifiesAny } from './verify/while-parsing.ts';
import { attributed, RAW_MISSING, type ReadMessage, refusedWith, writeMessages } from './write-messages.ts';

/** Report keys taken from the sequence at a time. */
const KEYS_AT_ONCE = 64;

/** Reads one message of any size, copying its records while they are read, in one transaction. */
export async function parseLargeMessage(
  db: Db,
  key: number,
  { readers, trust, privacy, raws, months }: ParseSettings,
): Promise<BatchResult> {
  return markedTransaction(db, [key], async (tx) => {
    const [message] = await claimMessages(tx, [key]);
    if (!message) return emptyResult();
    // A buffer that an earlier attempt handed over to a thread is empty here.
    const given = raws.get(key);
    const raw = given && given.length > 0 ? given : await loadRaw(tx, message);
    // What loading or storing the mail left in the driver would stay in memory while the mail is read.
    collectNewSpace();
    let read: ReadMessage = { message, result: raw ? nothingElse() : refusedWith(RAW_MISSING), reports: [] };
    let verdictOf = await verdictsWhileParsing(null, message.mailbox, trust);
    const copied = new Set<number>();
    await beginCopies(tx);
    const copy = new PausableCopy(tx);
    const moreKeys = async () => {
      // The COPY holds the connection.
      await copy.end();
      return takeReportKeys(tx, KEYS_AT_ONCE);
    };
    const asked = verifiesAny([message], trust) ? trust : null;
    try {
      for await (const piece of raw ? readers.large(raw, moreKeys, asked) : []) {
        if (piece.type === 'lines') {
          // The reports in one mail nearly always begin in the same month; those of other months are left to
          // the hourly round.
          if (copied.size === 0) await months.before([{ begin: piece.begin, records: BATCH_RECORDS }], false);
          copied.add(piece.key);
          await copy.write(piece.lines);
        } else if (piece.type === 'report') read.reports.push(attributed(piece, message, verdictOf));
        else if (piece.type === 'origin') verdictOf = await verdictsWhileParsing(piece.origin, message.mailbox, trust);
        else if (piece.type === 'stopped') {
          read = { message, result: refusedWith(piece.problem), reports: [] };
          // The lines end where the thread was stopped, in the middle of a record.
          await copy.abort(new Error(piece.problem.message));
          await undoCopies(tx);
          copied.clear();
        } else addOther(piece, read.result);
      }
      await copy.end();
    } catch (error) {
      await copy.abort(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
    return writeMessages(tx, [read], { privacy, copied, check: trust.check });
  });
}

/** A COPY that begins with the first line after a pause. */
class PausableCopy {
  private running: RecordCopy | null = null;
  private readonly tx: Tx;

  constructor(tx: Tx) {
    this.tx = tx;
  }

  async write(lines: string | Uint8Array): Promise<void> {
    this.running ??= new RecordCopy(this.tx);
    await this.running.write(lines);
  }

  /** Ends the COPY, so that the connection is free for other statements. */
  async end(): Promise<void> {
    await this.running?.end();
    this.running = null;
  }

  async abort(error: Error): Promise<void> {
    await this.running?.abort(error);
    this.running = null;
  }
}
