import type { Settlement } from '../store/messages/messages.ts';
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
