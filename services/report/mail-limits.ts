import { type Limits, Refusal } from './limits.ts';
import type { AggregateReport, TlsReport } from './model.ts';

/** The metadata of all reports in one mail together may be this many times as long as that of one report. */
const METADATA_FACTOR = 16;

/**
 * Totals over all reports of one mail: each report may be within its limits, but a mail can hold any number
 * of them.
 */
export class MailLimits {
  private readonly limits: Limits;
  private documents = 0;
  private metadataLength = 0;
  private policies = 0;
  private details = 0;
  private parts = 0;
  private held = 0;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  /**
   * Counts parts of the mail and of the mails inside it.
   * @throws Refusal `too_many_parts`
   */
  addParts(n: number): void {
    this.parts += n;
    if (this.parts <= this.limits.mimeParts) return;
    throw new Refusal('too_many_parts', `The mail has more than ${this.limits.mimeParts} MIME parts.`);
  }

  /**
   * Counts the bytes of a mail inside the mail, which are in memory until it has been read: a negative number
   * then.
   * @throws Refusal `unpacked_too_large`
   */
  holdMail(bytes: number): void {
    this.held += bytes;
    if (this.held <= this.limits.heldBytes || bytes < 0) return;
    throw new Refusal('unpacked_too_large', `The mails inside the mail are larger than ${this.limits.heldBytes} bytes together.`);
  }

  /**
   * Counts a document that is about to be read.
   * @throws Refusal `too_many_members`
   */
  addDocument(): void {
    if (++this.documents <= this.limits.members) return;
    throw new Refusal('too_many_members', `There are more than ${this.limits.members} documents in one mail.`);
  }

  /**
   * Counts the characters of a report's metadata, without its records and policies.
   * @throws Refusal `record_too_long`
   */
  addMetadata(report: AggregateReport | TlsReport): void {
    this.metadataLength += JSON.stringify(report.kind === 'tlsrpt' ? { ...report, policies: [] } : report).length;
    const most = METADATA_FACTOR * this.limits.recordLength;
    if (this.metadataLength <= most) return;
    throw new Refusal('record_too_long', `The metadata of the reports in the mail have more than ${most} characters together.`);
  }

  /**
   * Counts policies of TLS reports.
   * @throws Refusal `too_many_policies`
   */
  addPolicies(n: number): void {
    this.policies += n;
    if (this.policies <= this.limits.tlsPolicies) return;
    throw new Refusal('too_many_policies', `The TLS reports of the mail have more than ${this.limits.tlsPolicies} policies.`);
  }

  /**
   * Counts failure details of TLS reports.
   * @throws Refusal `too_many_details`
   */
  addDetails(n: number): void {
    this.details += n;
    if (this.details <= this.limits.tlsDetails) return;
    throw new Refusal(
      'too_many_details',
      `The TLS reports of the mail have more than ${this.limits.tlsDetails} failure details.`,
    );
  }
}
