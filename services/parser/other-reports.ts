import { redactFailure } from '../report/failure/redact.ts';
import type { Tx } from '../shared/runtime/db.ts';
import type { Config } from '../shared/settings/config.ts';
import type { ClaimedMessage } from '../store/messages/messages.ts';
import { notePersonal } from '../store/reports/failure-report-retention.ts';
import { storeFailures } from '../store/reports/failure-reports.ts';
import { type OtherKind, openOtherChecks, type StoredOther, settleUnchecked } from '../store/reports/other-checks.ts';
import type { StoreOutcome } from '../store/reports/supersession.ts';
import { storeTlsReports } from '../store/reports/tls-reports.ts';
import { storeBounces } from '../store/sending/bounces.ts';
import type { OtherResult } from './reading/other-result.ts';
import { whyUnverified } from './verify/while-parsing.ts';

/** What of the personal data in failure reports may be stored (the setting failure_reports). */
export type Privacy = Pick<Config['failureReports'], 'keep_personal_data'>;

/** The default: nothing that names a person is stored. */
export const REDACT: Privacy = { keep_personal_data: false };

/**
 * The code of a feedback report about something else (spam, say): like a failure report, it quotes a mail.
 */
const COMPLAINT = 'complaint';
/** The code of a bounce, which quotes a mail as well. */
const BOUNCE = 'bounce';

/** What became of the TLS and failure reports of a message. */
export interface OtherOutcomes {
  tls: StoreOutcome[];
  failures: StoreOutcome[];
  /** At least one of them is to be verified. */
  unverified: boolean;
  /** The kind of each that its mail cannot prove, whatever DNS says. */
  refuted: OtherKind[];
}

/**
 * Writes TLS reports and failure reports, and marks the mails that hold personal data.
 * @returns what became of the reports, by message key
 */
export async function writeOthers(
  tx: Tx,
  read: readonly { message: ClaimedMessage; result: OtherResult }[],
  { privacy, check }: { privacy: Privacy; check: Config['trust']['check'] },
): Promise<Map<number, OtherOutcomes>> {
  const flat = <T>(of: (result: OtherResult) => { part: number; report: T; doubt: string | null }[]) =>
    read.flatMap(({ message: { message_key, received_at, mailbox }, result }) =>
      of(result).map((item) => ({ ...item, message_key, received_at, mailbox })),
    );
  const tls = flat((result) => result.tls);
  const tlsOutcomes = await storeTlsReports(tx, tls);
  const failures = flat((result) => result.failures);
  const failureOutcomes = await storeFailures(
    tx,
    privacy.keep_personal_data ? failures : failures.map((item) => ({ ...item, report: redactFailure(item.report) })),
  );
  await storeBounces(
    tx,
    read.flatMap(({ message: { message_key, received_at }, result }) =>
      result.bounces.map((bounce) => ({ message_key, received_at, bounce })),
    ),
  );
  const identified = {
    tls: tls.map((item) => ({ ...item, identity: item.report.identity })),
    failure: failures.map((item) => ({ ...item, identity: item.report.content_hash })),
  };
  const unverified = new Set([
    ...(await beginVerification(tx, 'tls', identified.tls, check)),
    ...(await beginVerification(tx, 'failure', identified.failure, check)),
  ]);
  const personal = read.filter(({ result }) => holdsPersonal(result)).map(({ message }) => message.message_key);
  await notePersonal(tx, personal, !privacy.keep_personal_data);
  const outcomes = new Map(
    read.map(({ message: { message_key } }) => [
      message_key,
      { tls: [], failures: [], unverified: unverified.has(message_key), refuted: [] } as OtherOutcomes,
    ]),
  );
  const add = (kind: OtherKind, name: 'tls' | 'failures', items: typeof tls | typeof failures, each: StoreOutcome[]) => {
    for (const [i, { message_key, mailbox, doubt }] of items.entries()) {
      const of = outcomes.get(message_key)!;
      of[name].push(each[i]!);
      if (doubt !== null && whyUnverified(mailbox, check) === null && each[i] !== 'duplicate') of.refuted.push(kind);
    }
  };
  add('tls', 'tls', tls, tlsOutcomes);
  add('failure', 'failures', failures, failureOutcomes);
  return outcomes;
}

const holdsPersonal = ({ failures, other }: OtherResult): boolean =>
  failures.length > 0 || other.some(({ code }) => code === COMPLAINT || code === BOUNCE);

/** A report as its verification needs it. */
type Unverified = Pick<StoredOther, 'message_key' | 'identity'> & {
  mailbox: string;
  doubt: string | null;
  report: { content_hash: string };
};

/**
 * Notes how the reports of a batch are verified: not at all, without success, or later, by their mails.
 * @returns the messages that are to be verified
 */
async function beginVerification(
  tx: Tx,
  kind: OtherKind,
  items: readonly Unverified[],
  check: Config['trust']['check'],
): Promise<Set<number>> {
  const later: StoredOther[] = [];
  for (const { message_key, identity, mailbox, doubt, report } of items) {
    const stored = { message_key, identity, content_hash: report.content_hash };
    const uncounted = whyUnverified(mailbox, check);
    if (uncounted !== null)
      await settleUnchecked(tx, kind, [stored], { reporter_trust: null, trust: 'ok', reason: `Not verified: ${uncounted}.` });
    else if (doubt === null) later.push(stored);
    else
      await settleUnchecked(tx, kind, [stored], {
        reporter_trust: 'unauthenticated',
        trust: 'bad',
        reason: `Not proven: ${doubt}.`,
      });
  }
  return openOtherChecks(tx, kind, later);
}
