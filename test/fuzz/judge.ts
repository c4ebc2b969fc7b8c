import type { Limits } from '../../services/report/limits.ts';
import type { AggregateReport, ReadEvent } from '../../services/report/model.ts';
import type { ReadOptions } from '../../services/report/read-mail.ts';
import { linesOf } from '../helpers/lines.ts';

/** The reader under test. */
export type Reader = (raw: Uint8Array, options: ReadOptions) => AsyncIterable<ReadEvent>;

/** What the reader did is not what it promises. */
class Broken extends Error {}

/** Records a batch; small, so that several batches come. */
const BATCH = 50;

/**
 * Reads one case and holds the events against what readMessage and its callers promise. What the parser does
 * with the records (COPY's text) is done too.
 *
 * @returns the outcome in a word: what is counted
 * @throws what the reader throws; Broken
 */
export async function judge(reader: Reader, raw: Buffer, limits: Partial<Limits>): Promise<string> {
  const outcomes = new Set<string>();
  let part = 0;
  let records = 0;
  let messages = 0;
  for await (const event of reader(raw, { limits, batch: BATCH })) {
    if (event.type === 'nothing') {
      // A bounce is no report: a mail with nothing else holds nothing, with the code of a bounce.
      const others = [...outcomes].some((outcome) => outcome !== 'bounce');
      if (others || records > 0) throw new Broken('"nothing" came beside something');
    } else {
      if (event.part !== part) throw new Broken(`part ${event.part} came where part ${part} was due`);
      if (outcomes.has('nothing')) throw new Broken('something came after "nothing"');
    }
    if (event.type === 'records') {
      if (event.records.length === 0 || event.records.length > BATCH)
        throw new Broken(`a batch has ${event.records.length} records`);
      linesOf({ key: 1, n: records + 1, begin: event.begin }, event.records);
      for (const record of event.records) messages += amount(record.count, 'a count');
      records += event.records.length;
      continue;
    }
    if (event.type === 'report' && event.report.kind === 'aggregate') judgeReport(event.report, records, messages);
    if ('problem' in event) judgeProblem(event.problem);
    outcomes.add(event.type === 'report' && event.report.salvaged ? 'salvaged' : event.type);
    part++;
    records = 0;
    messages = 0;
  }
  if (records > 0) throw new Broken('records came without a report, and nobody said to drop them');
  if (outcomes.size === 0) throw new Broken('nothing at all was said about the input');
  for (const best of ['report', 'salvaged', 'other', 'refused', 'nothing']) if (outcomes.has(best)) return best;
  return [...outcomes].join('+');
}

function judgeReport(report: AggregateReport, records: number, messages: number): void {
  if (report.records !== records) throw new Broken(`the report says ${report.records} records, ${records} came`);
  if (report.messages !== messages) throw new Broken(`the report says ${report.messages} messages, its records have ${messages}`);
  amount(report.begin, 'begin');
  amount(report.end, 'end');
  for (const hash of [report.identity, report.content_hash]) {
    if (!/^[0-9a-f]{64}$/.test(hash)) throw new Broken(`"${hash}" is not a SHA-256`);
  }
  for (const problem of report.problems) judgeProblem(problem);
}

function amount(value: number, what: string): number {
  if (!Number.isFinite(value) || !Number.isInteger(value) || value < 0) throw new Broken(`${what} is ${value}`);
  return value;
}

function judgeProblem({ code, message }: { code: string; message: string }): void {
  if (!/^[a-z][a-z0-9_]{2,40}$/.test(code)) throw new Broken(`"${code}" is no code`);
  if (message.length < 10 || message.length > 4_000) throw new Broken(`the reason for ${code} has ${message.length} characters`);
  if (/\n\s+at \S+ \(/.test(message)) throw new Broken(`the reason for ${code} holds a stack trace`);
}
