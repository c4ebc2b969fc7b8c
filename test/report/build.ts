import { Buffer } from 'node:buffer';
import { Writable } from 'node:stream';
import { runParse } from '../../services/cli/commands/parse.ts';
import type { Limits } from '../../services/report/limits.ts';
import type {
  AggregateRecord,
  AggregateReport,
  Bounce,
  FailureReport,
  ReadEvent,
  TlsReport,
} from '../../services/report/model.ts';
import { readMessage } from '../../services/report/read-mail.ts';

/** What a test varies of a record; everything else is a plain passing one. */
export interface RecordParts {
  ip?: string;
  count?: number | string;
  from?: string;
  inner?: string;
}

export function recordXml({ ip = '192.0.2.1', count = 1, from = 'example.com', inner = '' }: RecordParts = {}): string {
  return `<record><row><source_ip>${ip}</source_ip><count>${count}</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>pass</spf></policy_evaluated></row><identifiers><header_from>${from}</header_from></identifiers><auth_results><dkim><domain>${from}</domain><selector>s1</selector><result>pass</result></dkim><spf><domain>${from}</domain><scope>mfrom</scope><result>pass</result></spf></auth_results>${inner}</record>`;
}

export const METADATA =
  '<report_metadata><org_name>receiver.example</org_name><email>dmarc@receiver.example</email><report_id>r-1</report_id><date_range><begin>1700000000</begin><end>1700086399</end></date_range></report_metadata>';
export const POLICY =
  '<policy_published><domain>example.com</domain><adkim>r</adkim><aspf>r</aspf><p>none</p></policy_published>';

/** A small whole report around some records. */
export function reportXml(records: string = recordXml(), { metadata = METADATA, policy = POLICY } = {}): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<feedback>${metadata}${policy}${records}</feedback>\n`;
}

/** A mail around one attachment. */
export function mailWith(
  attachment: Uint8Array,
  headers = 'Content-Type: application/gzip; name="a.xml.gz"',
  subject = 'A report',
): Buffer {
  const body = Buffer.from(attachment).toString('base64').replace(/.{76}/g, '$&\r\n');
  return Buffer.from(
    [
      'From: dmarc@receiver.example',
      'To: rua@example.com',
      `Subject: ${subject}`,
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary="b-1"',
      '',
      '--b-1',
      'Content-Type: text/plain',
      '',
      'A report is attached.',
      '--b-1',
      headers,
      'Content-Transfer-Encoding: base64',
      '',
      body,
      '--b-1--',
      '',
    ].join('\r\n'),
  );
}

/** Everything reading yields, and its parts. */
export interface Outcome {
  events: ReadEvent[];
  reports: AggregateReport[];
  records: AggregateRecord[];
  tls: TlsReport[];
  failures: FailureReport[];
  bounces: Bounce[];
  /** Codes of `refused` and `nothing` events. */
  codes: string[];
}

export async function readAll(raw: Uint8Array | string, limits: Partial<Limits> = {}, name?: string): Promise<Outcome> {
  const outcome: Outcome = { events: [], reports: [], records: [], tls: [], failures: [], bounces: [], codes: [] };
  const bytes = typeof raw === 'string' ? Buffer.from(raw) : raw;
  for await (const event of readMessage(bytes, name === undefined ? { limits } : { limits, name })) {
    outcome.events.push(event);
    if (event.type === 'report') outcome.reports.push(event.report);
    else if (event.type === 'records') outcome.records.push(...event.records);
    else if (event.type === 'tlsrpt') outcome.tls.push(event.report);
    else if (event.type === 'failure') outcome.failures.push(event.report);
    else if (event.type === 'bounce') outcome.bounces.push(event.bounce);
    else outcome.codes.push(event.problem.code);
  }
  return outcome;
}

/** The codes of a report's problems. */
export function problemCodes(outcome: Outcome): string[] {
  return outcome.reports.flatMap((report) => report.problems.map((problem) => problem.code));
}

/** What `ruawatch parse` prints for the paths, line by line. */
export async function parseLines(...paths: string[]): Promise<Array<Record<string, unknown>>> {
  let text = '';
  const output = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  const code = await runParse(paths, output);
  if (code !== 0) throw new Error(`parse ended with ${code}`);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
