import type { Db, Tx } from '../shared/runtime/db.ts';
import { type ClaimedMessage, claimMessages, loadRaws } from '../store/messages/messages.ts';
import { markedTransaction } from '../store/messages/parse-marks.ts';
import { RecordCopy } from '../store/reports/copy-records.ts';
import { takeReportKeys } from '../store/reports/reports.ts';
import { type BatchResult, emptyResult } from './batch-result.ts';
import type { ParseSettings } from './parse-options.ts';
import { BATCH_RECORDS, type ReadReport, type ReadResult } from './reading/protocol.ts';
import type { Months } from './upkeep/monthly-retention.ts';
import { verdictsWhileParsing, verifiesAny } from './verify/while-parsing.ts';
import { attributed, RAW_MISSING, type ReadMessage, refusedWith, writeMessages } from './write-messages.ts';

/**
 * Reads a batch of small messages into memory, then writes all of it in one transaction. The keys of messages
 * that turn out to hold too many records are handed back as `tooLarge`; nothing of these is written.
 */
export async function parseSmallMessages(
  db: Db,
  keys: readonly number[],
  { readers, trust, privacy, raws, months }: ParseSettings,
): Promise<{ result: BatchResult; tooLarge: number[] }> {
  return markedTransaction(db, keys, async (tx) => {
    const claimed = await claimMessages(tx, keys);
    const absent = claimed.filter((m) => !raws.has(m.message_key));
    const loaded = await loadRaws(tx, absent);
    const rawOf = ({ message_key }: ClaimedMessage) => raws.get(message_key) ?? loaded.get(message_key);
    const present = claimed.flatMap((message) => rawOf(message) ?? []);
    const moreKeys = () => takeReportKeys(tx, claimed.length);
    const reading = readers.small(present, moreKeys, verifiesAny(claimed, trust) ? trust : null);
    const tooLarge: number[] = [];
    const read: ReadMessage[] = [];
    const records = new RecordsInMemory(tx, months);
    try {
      for (const message of claimed) {
        const answer = rawOf(message) ? (await reading.next()).value! : refusedWith(RAW_MISSING);
        if (answer === 'large') {
          tooLarge.push(message.message_key);
          continue;
        }
        const result: ReadResult = 'problem' in answer ? refusedWith(answer.problem) : answer;
        const verdictOf = await verdictsWhileParsing(result.origin, message.mailbox, trust);
        read.push({ message, result, reports: result.reports.map((report) => attributed(report, message, verdictOf)) });
        await records.add(result.reports);
      }
      // One more step after the last message gives the thread back.
      await reading.next();
    } finally {
      await reading.return(undefined);
    }
    await records.prepareMonths();
    const { copied } = records;
    return {
      result: read.length > 0 ? await writeMessages(tx, read, { privacy, copied, check: trust.check }) : emptyResult(),
      tooLarge,
    };
  });
}

/** The records of the reports of a batch that were read and not yet written. */
class RecordsInMemory {
  /** The keys of the reports whose records are copied already. */
  readonly copied = new Set<number>();
  private readonly tx: Tx;
  private readonly months: Months;
  private reports: ReadReport[] = [];

  constructor(tx: Tx, months: Months) {
    this.tx = tx;
    this.months = months;
  }

  /** Adds reports; copies all records when they have become too many to keep in memory. */
  async add(reports: readonly ReadReport[]): Promise<void> {
    this.reports.push(...reports);
    const records = this.reports.reduce((sum, { report }) => sum + report.records, 0);
    if (records >= BATCH_RECORDS) await this.copy();
  }

  async prepareMonths(): Promise<void> {
    await this.months.before(
      this.reports.map(({ report }) => report),
      this.copied.size > 0,
    );
  }

  /** No other transaction can see these records, so no lock is held that others could wait for. */
  private async copy(): Promise<void> {
    await this.prepareMonths();
    const lines = new RecordCopy(this.tx);
    for (const report of this.reports) {
      await lines.write(report.lines);
      report.lines = '';
      this.copied.add(report.key);
    }
    await lines.end();
    this.reports = [];
  }
}
