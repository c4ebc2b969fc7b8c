import type { Db } from '../shared/runtime/db.ts';
import { type ClaimedMessage, claimMessages, loadRaws } from '../store/messages/messages.ts';
import { markedTransaction } from '../store/messages/parse-marks.ts';
import { RecordCopy } from '../store/reports/copy-records.ts';
import { takeReportKeys } from '../store/reports/reports.ts';
import { type BatchResult, emptyResult } from './batch-result.ts';
import type { ParseSettings } from './parse-options.ts';
import { BATCH_RECORDS, type ReadReport, type ReadResult } from './reading/protocol.ts';
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
    const loaded = absent.length > 0 ? await loadRaws(tx, absent) : null;
    const rawOf = ({ message_key }: ClaimedMessage) => raws.get(message_key) ?? loaded?.get(message_key);
    const present = claimed.flatMap((message) => rawOf(message) ?? []);
    const moreKeys = () => takeReportKeys(tx, claimed.length);
    const reading = readers.small(present, moreKeys, verifiesAny(claimed, trust) ? trust : null);
    const tooLarge: number[] = [];
    const read: ReadMessage[] = [];
    const copied = new Set<number>();
    /** Reports whose records lie in memory. */
    let behind: ReadReport[] = [];
    let records = 0;
    const prepareMonths = () =>
      months.before(
        behind.map(({ report }) => report),
        copied.size > 0,
      );
    /**
     * Copies the records that lie in memory. No other transaction can see them, so no lock is held that
     * others could wait for.
     */
    const copy = async () => {
      await prepareMonths();
      const lines = new RecordCopy(tx);
      for (const report of behind) {
        await lines.write(report.lines);
        report.lines = '';
        copied.add(report.key);
      }
      await lines.end();
      behind = [];
      records = 0;
    };
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
        for (const report of result.reports) {
          behind.push(report);
          records += report.report.records;
        }
        if (records >= BATCH_RECORDS) await copy();
      }
      // One more step after the last message gives the thread back.
      await reading.next();
    } finally {
      await reading.return(undefined);
    }
    await prepareMonths();
    return { result: read.length > 0 ? await writeMessages(tx, read, { privacy, copied }) : emptyResult(), tooLarge };
  });
}
