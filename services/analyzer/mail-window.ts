import type { AsideMails, MailDay, ReporterArrivals } from '../store/analysis/reading.ts';
import type { KnownFinding } from '../store/findings/findings.ts';

/** What arrived, by UTC day of arrival, at a whole installation. */
export interface MailWindow {
  today: string;
  /** A month and more. */
  days: readonly MailDay[];
  /** Of the last week. */
  aside: readonly AsideMails[];
  /** Of the reporters of the catalogue. */
  arrivals: readonly ReporterArrivals[];
  known: readonly KnownFinding[];
}
