import { DEFAULT_LIMITS } from '../report/limits.ts';
import type { AggregateRecord, AggregateReport, Problem } from '../report/model.ts';
import { readMessage } from '../report/read.ts';
import { type Input, inputs } from './inputs.ts';

/** Characters of one line. A JavaScript string ends at 512 Mi, and nobody reads such a line: a larger report is for `import`. */
const LINE_LENGTH = 256 * 1024 * 1024;

/**
 * `ruawatch parse`: no database; one JSON line for each report found in files, folders, mbox files and Maildirs, in the order of
 * their names, or `{file, error: {code, message}}` for what holds no report or cannot be read. `domain` is what the report says,
 * not what may be concluded from it.
 *
 * Files are read one at a time, and a line is gathered as text, so memory follows the largest single report.
 *
 * @param out takes one line without its line end
 * @returns 0: every path could be opened
 * @throws PermanentError `no_such_path`, `unreadable` with a sentence that names the path
 */
export async function runParse(paths: string[], out: (line: string) => void): Promise<number> {
  for await (const input of inputs(paths, DEFAULT_LIMITS.mailBytes)) {
    for await (const line of linesOf(input)) out(line);
  }
  return 0;
}

async function* linesOf({ file, raw }: Input): AsyncGenerator<string> {
  if (raw === null) {
    yield errorLine(file, {
      code: 'mail_too_large',
      message: `The mail is larger than ${DEFAULT_LIMITS.mailBytes} bytes.`,
    });
    return;
  }
  let records = '';
  let tooLong = false;
  for await (const event of readMessage(raw, { name: file })) {
    if (event.type === 'records') {
      for (const record of event.records) {
        tooLong ||= records.length > LINE_LENGTH;
        if (!tooLong) records += `${records === '' ? '' : ','}${JSON.stringify(recordFields(record))}`;
      }
      continue;
    }
    if (event.type !== 'report') {
      yield errorLine(file, event.problem);
    } else if (tooLong) {
      const message = `The report has ${event.report.records} records, too many for one line of JSON; import it instead.`;
      yield errorLine(file, { code: 'line_too_long', message });
    } else {
      yield `${JSON.stringify(reportFields(file, event.report)).slice(0, -1)},"records":[${records}]}`;
    }
    records = '';
    tooLong = false;
  }
}

function errorLine(file: string, error: Problem): string {
  return JSON.stringify({ file, error });
}

function reportFields(file: string, report: AggregateReport): Record<string, unknown> {
  const { kind, org_name, org_email, report_id, begin, end, policy, salvaged, problems } = report;
  return { file, kind, org_name, org_email, report_id, domain: policy.domain, begin, end, policy, salvaged, problems };
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
