import { redactFailure } from '../report/failure/redact.ts';
import type { FailureReport, Problem, ReadEvent, TlsReport } from '../report/model.ts';
import type { Tx } from '../shared/runtime/db.ts';
import type { Config } from '../shared/settings/config.ts';
import type { ClaimedMessage } from '../store/messages/messages.ts';
import { storeFailures } from '../store/reports/failure-reports.ts';
import { notePersonal } from '../store/reports/personal-data.ts';
import type { StoreOutcome } from '../store/reports/supersession.ts';
import { storeTlsReports } from '../store/reports/tls-reports.ts';

/** What of the personal data in failure reports may be stored (the setting failure_reports). */
export type Privacy = Pick<Config['failureReports'], 'keep_personal_data'>;

/** The default: nothing that names a person is stored. */
export const REDACT: Privacy = { keep_personal_data: false };

/**
 * The code of a feedback report about something else (spam, say): like a failure report, it quotes a mail.
 */
const COMPLAINT = 'complaint';

/** What was read from one message apart from aggregate reports. */
export interface OtherResult {
  tls: { part: number; report: TlsReport }[];
  failures: { part: number; report: FailureReport }[];
  refused: Problem[];
  other: Problem[];
}

/** Everything that the reader yields but aggregate reports and their records. */
export type OtherEvent = Exclude<ReadEvent, { type: 'records' | 'report' }>;

export const nothingElse = (): OtherResult => ({ tls: [], failures: [], refused: [], other: [] });

/** Adds one event to the result of its message. */
export function addOther(event: OtherEvent, result: OtherResult): void {
  if (event.type === 'tlsrpt') result.tls.push({ part: event.part, report: event.report });
  else if (event.type === 'failure') result.failures.push({ part: event.part, report: event.report });
  else if (event.type === 'refused') result.refused.push(event.problem);
  else result.other.push(event.problem);
}

/** What became of the TLS and failure reports of a message. */
export interface OtherOutcomes {
  tls: StoreOutcome[];
  failures: StoreOutcome[];
}

/**
 * Writes TLS reports and failure reports, and marks the mails that hold personal data.
 * @returns what became of the reports, by message key
 */
export async function writeOthers(
  tx: Tx,
  read: readonly { message: ClaimedMessage; result: OtherResult }[],
  privacy: Privacy,
): Promise<Map<number, OtherOutcomes>> {
  const flat = <T>(of: (result: OtherResult) => { part: number; report: T }[]) =>
    read.flatMap(({ message: { message_key, received_at }, result }) =>
      of(result).map((item) => ({ ...item, message_key, received_at })),
    );
  const tls = flat((result) => result.tls);
  const tlsOutcomes = await storeTlsReports(tx, tls);
  const failures = flat((result) => result.failures);
  const failureOutcomes = await storeFailures(
    tx,
    privacy.keep_personal_data ? failures : failures.map((item) => ({ ...item, report: redactFailure(item.report) })),
  );
  const personal = read.filter(({ result }) => result.failures.length > 0 || result.other.some(({ code }) => code === COMPLAINT));
  await notePersonal(
    tx,
    personal.map(({ message }) => message.message_key),
    !privacy.keep_personal_data,
  );
  const outcomes = new Map(read.map(({ message }) => [message.message_key, { tls: [], failures: [] } as OtherOutcomes]));
  for (const [i, { message_key }] of tls.entries()) outcomes.get(message_key)!.tls.push(tlsOutcomes[i]!);
  for (const [i, { message_key }] of failures.entries()) outcomes.get(message_key)!.failures.push(failureOutcomes[i]!);
  return outcomes;
}
