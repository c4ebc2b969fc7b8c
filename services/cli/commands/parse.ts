import { once } from 'node:events';
import { redactFailure } from '../../report/failure/redact.ts';
import { DEFAULT_LIMITS } from '../../report/limits.ts';
import type { AggregateRecord, AggregateReport, FailureReport, Problem, TlsReport } from '../../report/model.ts';
import { readMessage } from '../../report/read-mail.ts';
import { jsonText } from '../../shared/escape.ts';
import { type Input, inputs, NO_FILE } from '../inputs.ts';

/**
 * Characters of records that are collected for one line; a longer line is written in pieces while the file is
 * read again.
 */
const GATHERED_LENGTH = 8 * 1024 * 1024;

/**
 * `ruawatch parse`: needs no database and prints one line of JSON for each report in files, folders, mbox
 * files and Maildirs, in the order of names, or `{file, error: {code, message}}` for a file without a
 * readable report. `domain` is as the report states it. Failure reports are printed as they are stored by
 * default, without personal data.
 *
 * Files are read one at a time. A line above the limit is written in pieces, so memory does not grow with the
 * largest report.
 *
 * @param output receives the lines; its back-pressure is respected
 * @param say receives a sentence for people when there was no file to read
 * @returns 0: every path could be opened
 * @throws PermanentError `no_such_path`, `unreadable` with a sentence that names the path
 */
export async function runParse(
  paths: string[],
  output: NodeJS.WritableStream,
  say: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Promise<number> {
  let read = 0;
  const skipped: string[] = [];
  const found = inputs(paths, DEFAULT_LIMITS.mailBytes, (file, code, message) =>
    skipped.push(errorLine(file, { code, message })),
  );
  for await (const input of found) {
    read++;
    for await (const piece of piecesOf(input)) if (!output.write(piece)) await once(output, 'drain');
  }
  for (const line of skipped) output.write(line);
  if (read === 0 && skipped.length === 0) say(NO_FILE);
  return 0;
}

/** The lines of one file: whole, or several pieces each, line ends included. */
async function* piecesOf({ file, raw }: Input): AsyncGenerator<string> {
  if (raw === null) {
    yield errorLine(file, { code: 'mail_too_large', message: `The mail is larger than ${DEFAULT_LIMITS.mailBytes} bytes.` });
    return;
  }
  let records = '';
  let large = false;
  for await (const event of readMessage(raw, { name: file })) {
    if (event.type === 'records') {
      large ||= records.length > GATHERED_LENGTH;
      if (large) records = '';
      else records = joined(records, event.records);
      continue;
    }
    if (event.type === 'report') {
      yield `${jsonText(reportFields(file, event.report)).slice(0, -1)},"records":[`;
      if (large) yield* recordsOf(file, raw, event.part);
      yield `${records}]}\n`;
    } else if (event.type === 'tlsrpt') {
      yield `${jsonText({ file, ...tlsFields(event.report) })}\n`;
    } else if (event.type === 'failure') {
      yield `${jsonText({ file, ...failureFields(redactFailure(event.report)) })}\n`;
    } else if (event.type === 'bounce') {
      yield `${jsonText({ file, ...event.bounce })}\n`;
    } else {
      yield errorLine(file, event.problem);
    }
    records = '';
    large = false;
  }
}

/**
 * The records of one report, read a second time: they come before the report's own fields, and are too many
 * to keep until then. Reading the same bytes yields the same parts.
 */
async function* recordsOf(file: string, raw: Buffer, part: number): AsyncGenerator<string> {
  let first = true;
  for await (const event of readMessage(raw, { name: file })) {
    if (event.type === 'nothing' || event.part < part) continue;
    if (event.type !== 'records') return;
    yield `${first ? '' : ','}${joined('', event.records)}`;
    first = false;
  }
}

function joined(before: string, records: readonly AggregateRecord[]): string {
  let text = before;
  for (const record of records) text += `${text === '' ? '' : ','}${jsonText(recordFields(record))}`;
  return text;
}

function errorLine(file: string, error: Problem): string {
  return `${jsonText({ file, error })}\n`;
}

function reportFields(file: string, report: AggregateReport): Record<string, unknown> {
  const { kind, org_name, org_email, report_id, begin, end, policy, salvaged, problems } = report;
  return { file, kind, org_name, org_email, report_id, domain: policy.domain, begin, end, policy, salvaged, problems };
}

function tlsFields(report: TlsReport): Record<string, unknown> {
  const { kind, org_name, contact_info, report_id, begin, end, problems, policies } = report;
  return { kind, org_name, contact_info, report_id, begin, end, problems, policies };
}

function failureFields({ kind, form, domain, problems, content_hash: _, ...rest }: FailureReport): Record<string, unknown> {
  return { kind, form, domain, ...rest, problems };
}

function recordFields(record: AggregateRecord): Record<string, unknown> {
  return {
    source_ip: record.source_ip,
    count: record.count,
    disposition: record.disposition,
    dkim: record.dkim,
    spf: record.spf,
    reasons: record.reasons,
    header_from: record.header_from,
    envelope_from: record.envelope_from,
    envelope_to: record.envelope_to,
    auth: record.auth,
    dkim_aligned: record.dkim_aligned,
    spf_aligned: record.spf_aligned,
  };
}
