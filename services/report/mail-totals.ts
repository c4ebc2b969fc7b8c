import { type Limits, Refusal } from './limits.ts';
import type { AggregateReport, TlsReport } from './model.ts';

/** All reports of one mail together may say so many times of themselves what one may. */
const DESCRIPTIONS = 16;

/** What the reports of one mail come to together: each may be within its limits, and a mail can hold any number of them. */
export class MailTotals {
  private readonly limits: Limits;
  private documents = 0;
  private described = 0;
  private policies = 0;
  private details = 0;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  /**
   * Counts a document that is about to be read.
   * @throws Refusal `too_many_members`
   */
  document(): void {
    if (++this.documents <= this.limits.members) return;
    throw new Refusal('too_many_members', `There are more than ${this.limits.members} documents in one mail.`);
  }

  /**
   * Counts what a report says of itself, its records and policies left out.
   * @throws Refusal `record_too_long`
   */
  description(report: AggregateReport | TlsReport): void {
    this.described += JSON.stringify(report.kind === 'tlsrpt' ? { ...report, policies: [] } : report).length;
    const most = DESCRIPTIONS * this.limits.recordLength;
    if (this.described <= most) return;
    throw new Refusal('record_too_long', `The reports of the mail say more than ${most} characters of themselves.`);
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
