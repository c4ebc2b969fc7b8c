import type { OverrideReason } from '../services/report/model.ts';
import type { Random } from './random.ts';

/**
 * A plain description of an aggregate report, before any reporter has put it into a dialect. Times are
 * seconds since the epoch, UTC.
 */
export interface ReportDescription {
  report_id: string;
  domain: string;
  policy: PublishedPolicy;
  begin: number;
  end: number;
  rows: ReportRow[];
}

/** The policy record as the reporter found it in DNS; a tag that is not published is null. */
export interface PublishedPolicy {
  p: 'none' | 'quarantine' | 'reject';
  sp: 'none' | 'quarantine' | 'reject' | null;
  adkim: 'r' | 's';
  aspf: 'r' | 's';
}

export interface ReportRow {
  source_ip: string;
  count: number;
  disposition: 'none' | 'quarantine' | 'reject';
  /** DMARC verdicts of `policy_evaluated`: authenticated and aligned. */
  dkim: 'pass' | 'fail';
  spf: 'pass' | 'fail';
  reasons: OverrideReason[];
  header_from: string;
  envelope_from: string;
  envelope_to: string;
  auth: { dkim: { domain: string; selector: string; result: string }[]; spf: { domain: string; result: string } };
}

/** What a reporter's mail is made of, apart from the words of the reporter itself. */
export interface MailParts {
  report: ReportDescription;
  to: string;
  /** When the reporter wrote the mail. */
  date: Date;
  fileName: string;
  payload: Buffer;
  random: Random;
}

/** How one reporter writes: its XML, its container, its file name, its mail. */
export interface Dialect {
  /** The reporter as the mail's subject and the file name call it. */
  submitter: string;
  org_name: string;
  org_email: string;
  container: 'gzip' | 'zip' | 'plain';
  /** The range a reporter gives for the UTC day that starts at `midnight` (seconds since the epoch). */
  range(midnight: number, random: Random): { begin: number; end: number };
  reportId(random: Random, range: { begin: number; end: number }, domain: string): string;
  xml(report: ReportDescription): string;
  /** Without the container's suffix. */
  fileStem(report: ReportDescription): string;
  /** The whole mail, CRLF, as the reporter sends it. */
  mail(parts: MailParts): string;
}
