import type { Bounce, FailureReport, Problem, ReadEvent, TlsReport } from '../../report/model.ts';

/** What was read from one message apart from aggregate reports. */
export interface OtherResult {
  /** `doubt`: why what proves the mail does not prove this report; null when it does. */
  tls: { part: number; report: TlsReport; doubt: string | null }[];
  failures: { part: number; report: FailureReport; doubt: string | null }[];
  bounces: Bounce[];
  refused: Problem[];
  other: Problem[];
}

/** Everything that the reader yields but aggregate reports and their records. */
export type OtherEvent = Exclude<ReadEvent, { type: 'records' | 'report' }>;

export const nothingElse = (): OtherResult => ({
  tls: [],
  failures: [],
  bounces: [],
  refused: [],
  other: [],
});

/** Adds one event to the result of its message. */
export function addOther(event: OtherEvent, result: OtherResult): void {
  if (event.type === 'tlsrpt') result.tls.push({ part: event.part, report: event.report, doubt: event.doubt });
  else if (event.type === 'failure') result.failures.push({ part: event.part, report: event.report, doubt: event.doubt });
  else if (event.type === 'bounce') result.bounces.push(event.bounce);
  else if (event.type === 'refused') result.refused.push(event.problem);
  else result.other.push(event.problem);
}
