import type { Settlement } from '../store/messages/messages.ts';
import type { OtherKind } from '../store/reports/other-checks.ts';
import type { StoreOutcome } from '../store/reports/supersession.ts';
import type { ReporterTrust } from '../store/reports/trust.ts';

/** What became of one message. */
export interface MessageResult extends Settlement {
  reports: {
    key: number;
    outcome: StoreOutcome;
    records: number;
    messages: number;
    /**
     * The verdict on a new report's reporter; null when it is still to be verified, or is not verified at
     * all.
     */
    reporter_trust: ReporterTrust | null;
  }[];
  /** What became of its TLS reports and failure reports. */
  tls: StoreOutcome[];
  failures: StoreOutcome[];
  /** The kind of each new one of them that its mail cannot prove. */
  refuted: OtherKind[];
  /** At least one of its reports, or a stored report that one of them duplicates, is to be verified. */
  unverified: boolean;
}

/** What became of the messages of a job. */
export interface BatchResult {
  messages: MessageResult[];
  /**
   * Domains that the analyzer has to look at. Domains for which only unverified reports changed are left out.
   */
  domains: string[];
  /**
   * Messages that still wait because another transaction holds their rows: another worker, or the poller
   * recording a move.
   */
  busy: number[];
}

/** The result of a batch in which nothing was done. */
export const emptyResult = (): BatchResult => ({ messages: [], domains: [], busy: [] });

/** Adds one result to another. */
export function addResult(total: BatchResult, { messages, domains, busy }: BatchResult): void {
  total.messages.push(...messages);
  total.domains = [...new Set([...total.domains, ...domains])];
  total.busy.push(...busy);
}

/** What became of the reports of messages. A duplicate counts as nothing else. */
export interface ReportCounts {
  /** Aggregate reports, and their records. */
  reports: number;
  records: number;
  tls_reports: number;
  failure_reports: number;
  /** Of all three kinds: the same identity with the same content as a stored one. */
  duplicates: number;
  /** Of all three kinds: the same identity with other content, whichever of the two is current. */
  superseded: number;
}

export function countReports(messages: readonly MessageResult[]): ReportCounts {
  const counts = { reports: 0, records: 0, tls_reports: 0, failure_reports: 0, duplicates: 0, superseded: 0 };
  const fresh = (outcomes: readonly StoreOutcome[]) => outcomes.filter((outcome) => outcome !== 'duplicate').length;
  for (const { reports, tls, failures } of messages) {
    for (const { outcome, records } of reports) if (outcome !== 'duplicate') counts.records += records;
    const outcomes = reports.map((report) => report.outcome);
    counts.reports += fresh(outcomes);
    counts.tls_reports += fresh(tls);
    counts.failure_reports += fresh(failures);
    for (const outcome of [...outcomes, ...tls, ...failures]) {
      if (outcome === 'duplicate') counts.duplicates++;
      else if (outcome !== 'stored') counts.superseded++;
    }
  }
  return counts;
}
