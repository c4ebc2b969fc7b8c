import type { BehindRecord } from '../store/analysis/egress-behind.ts';
import type { OverdueGrant } from '../store/analysis/overdue-grants.ts';
import type { AsideMails, DifferingReports, MailDay, ReporterArrivals } from '../store/analysis/reading.ts';
import type { StuckRequest } from '../store/analysis/stuck-requests.ts';
import type { UnjudgedMails } from '../store/analysis/unjudged-mails.ts';
import type { KnownFinding } from '../store/findings/findings.ts';

/** What is looked at of a whole installation: what arrived, by UTC day of arrival, and what is stuck. */
export interface MailWindow {
  today: string;
  /** A month and more. */
  days: readonly MailDay[];
  /** Of the last week. */
  aside: readonly AsideMails[];
  /** Of the reporters of the catalogue. */
  arrivals: readonly ReporterArrivals[];
  /** Of the last week: reports that two readers read in different ways. */
  differing: readonly DifferingReports[];
  /** Pending requests that nobody is left to decide, the oldest first. */
  stuck: readonly StuckRequest[];
  /** Rights that could not be ended at their targets. */
  overdue: readonly OverdueGrant[];
  /** SPF records that do not follow their cluster, the longest first. */
  behind: readonly BehindRecord[];
  /** Mails of the last day that the milter could not judge; null when there are none. */
  unjudged: UnjudgedMails | null;
  known: readonly KnownFinding[];
}
