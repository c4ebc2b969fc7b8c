import { type Reader, read, readKept } from './scope.ts';

/** Which reports a list shows. */
export interface ReportFilter {
  domain?: string | undefined;
  /** A part of the reporter's name. */
  reporter: string;
  trust?: string | undefined;
  salvaged: boolean;
  limit: number;
  offset: number;
}

/** A report in a list. */
export interface ReportLine {
  report_key: number;
  reporter: string;
  domain: string;
  begin_at: Date;
  end_at: Date;
  records: number;
  messages: number;
  trust: string;
  salvaged: boolean;
  duplicates: number;
}

/** The reports that a person may see, the newest first. */
export async function reportLines(reader: Reader, filter: ReportFilter): Promise<readonly ReportLine[]> {
  return readKept<ReportLine>(
    reader,
    ['reports'],
    `select report_key, reporter, domain, begin_at, end_at, records, messages, trust, salvaged, duplicates from reports
      where ($1::text is null or domain = $1) and ($2 = '' or strpos(reporter, $2) > 0) and ($3::text is null or trust = $3)
        and (not $4 or salvaged)
      order by begin_at desc, report_key desc limit $5 offset $6`,
    [filter.domain ?? null, filter.reporter, filter.trust ?? null, filter.salvaged, filter.limit, filter.offset],
  );
}

/** A report, with all that the view of reports has. */
export interface ShownReport extends ReportLine {
  message_key: number;
  org_name: string | null;
  org_email: string | null;
  report_id: string;
  policy_p: string | null;
  policy_sp: string | null;
  adkim: string | null;
  aspf: string | null;
  received_at: Date;
  trust_reason: string | null;
  problems: { code: string; message: string }[];
}

/** One report; null when there is none that the person may see. */
export async function visibleReport(reader: Reader, key: number): Promise<ShownReport | null> {
  const [found] = await read<ShownReport>(
    reader,
    ['reports'],
    `select report_key, reporter, domain, begin_at, end_at, records, messages, trust, salvaged, duplicates, org_name, org_email, report_id,
            policy_p, policy_sp, adkim, aspf, received_at, trust_reason, problems, message_key
       from reports where report_key = $1`,
    [key],
  );
  return found ?? null;
}

/** A record of a report. */
export interface RecordRow {
  n: number;
  source_ip: string | null;
  count: number;
  disposition: string | null;
  header_from: string | null;
  dkim_aligned: boolean;
  spf_aligned: boolean;
  dmarc_pass: boolean;
  source: string;
  auth: {
    dkim?: { domain?: string | null; selector?: string | null; result?: string | null }[];
    spf?: { domain?: string | null; result?: string | null }[];
  };
}

/** The records of a report in their order. */
export async function recordsOfReport(
  reader: Reader,
  report: ShownReport,
  page: { limit: number; offset: number },
): Promise<RecordRow[]> {
  return read<RecordRow>(
    reader,
    ['records'],
    `select n, host(source_ip) as source_ip, count, disposition, header_from, dkim_aligned, spf_aligned, dmarc_pass, source, auth
       from records where report_key = $1 and begin_at = $2 order by n limit $3 offset $4`,
    [report.report_key, report.begin_at, page.limit, page.offset],
  );
}

/** A mail that could not be read. */
export interface UnreadMail {
  message_key: number;
  mailbox: string;
  received_at: Date;
  sender: string | null;
  subject: string | null;
  size: number;
  state: string;
  code: string | null;
  reason: string | null;
}

/** The mails in quarantine and those that failed, the newest first: for those who see everything. */
export async function unreadMails(reader: Reader, page: { limit: number; offset: number }): Promise<UnreadMail[]> {
  return read<UnreadMail>(
    reader,
    ['messages'],
    `select message_key, mailbox, received_at, sender, subject, size, state, code, reason from messages
      where state in ('quarantined', 'failed') order by received_at desc, message_key desc limit $1 offset $2`,
    [page.limit, page.offset],
  );
}
