import type { Problem } from '../report/model.ts';
import { reporterOf } from '../report/reporters/reporters.ts';
import type { Tx } from '../shared/runtime/db.ts';
import type { Config } from '../shared/settings/config.ts';
import { noteDomains, noteSources } from '../store/analysis/note-work.ts';
import { type ClaimedMessage, type Settlement, settleMessages } from '../store/messages/messages.ts';
import { RecordCopy } from '../store/reports/copy-records.ts';
import { dropRecords, type NewReport, type StoredReports, storeReports } from '../store/reports/reports.ts';
import { classOf, reporterKey } from '../store/reports/trust.ts';
import { dropEmptyPending } from '../store/rollups/pending.ts';
import { loadPolicyReports, policyText, rollUpPolicies } from '../store/rollups/policy-days.ts';
import { rollUp } from '../store/rollups/source-days.ts';
import { keyText } from '../store/sql-text.ts';
import type { BatchResult, MessageResult } from './batch-result.ts';
import { type Privacy, REDACT, writeOthers } from './other-reports.ts';
import { nothingElse, type OtherResult } from './reading/other-result.ts';
import type { ReadReport, ReadResult } from './reading/protocol.ts';
import type { VerdictOf } from './verify/reporter.ts';

/** What was read from a message. */
export interface ReadMessage {
  message: ClaimedMessage;
  /** Its aggregate reports, attributed. */
  reports: (NewReport & ReadReport)[];
  /** Everything else. */
  result: OtherResult;
}

export const RAW_MISSING: Problem = {
  code: 'raw_missing',
  message: 'The raw mail is no longer in the archive, so there is nothing to read.',
};

/** The result of a message that cannot be read. */
export const refusedWith = (problem: Problem): ReadResult => ({
  ...nothingElse(),
  reports: [],
  origin: null,
  refused: [problem],
});

/** Completes a report that was read with its message and its reporter, in place. */
export function attributed(read: ReadReport, message: ClaimedMessage, verdictOf: VerdictOf): NewReport & ReadReport {
  const { message_key, received_at } = message;
  const trust = verdictOf(read.report, read.doubt);
  const reporter = trust?.reporter ?? reporterOf(read.report, null, null);
  return Object.assign(read, { message_key, received_at, trust, reporter });
}

/**
 * Writes what was read from claimed messages: reports, records, rollups and the messages' states. Once a
 * transaction: it takes the locks that others wait for (identities, then the rows of the rollups), each kind
 * in one order, and a second call would begin again with the first.
 * @param copied keys of reports whose records are written already
 */
export async function writeMessages(
  tx: Tx,
  read: readonly ReadMessage[],
  {
    privacy = REDACT,
    copied = new Set(),
    check = 'verify',
  }: { privacy?: Privacy; copied?: ReadonlySet<number>; check?: Config['trust']['check'] } = {},
): Promise<BatchResult> {
  const reports = read.flatMap((message) => message.reports);
  const decision = await storeReports(tx, reports);
  await writeRecords(tx, reports, { kept: new Set(decision.kept.map(({ key }) => key)), copied });
  const domains = await writeRollups(tx, reports, decision);
  const others = await writeOthers(tx, read, { privacy, check });
  const messages = read.map((one) => {
    const [own, other] = [resultOf(one, decision), others.get(one.message.message_key)!];
    return { ...own, ...other, unverified: own.unverified || other.unverified };
  });
  await settleMessages(tx, messages);
  return { messages, domains, busy: [] };
}

/**
 * Copies the records of new reports that have not been written yet, and deletes those that were written for
 * nothing.
 */
async function writeRecords(
  tx: Tx,
  reports: readonly ReadReport[],
  { kept, copied }: { kept: ReadonlySet<number>; copied: ReadonlySet<number> },
): Promise<void> {
  const absent = reports.filter(({ key, lines }) => lines.length > 0 && kept.has(key) && !copied.has(key));
  if (absent.length > 0) {
    const copy = new RecordCopy(tx);
    for (const { lines } of absent) await copy.write(lines);
    await copy.end();
  }
  await dropRecords(
    tx,
    [...copied].filter((key) => !kept.has(key)),
  );
}

/**
 * Adds new reports to the rollups and takes superseded ones out. Returns the domains that the analyzer has to
 * look at.
 */
async function writeRollups(tx: Tx, reports: readonly NewReport[], decision: StoredReports): Promise<string[]> {
  const { kept, signs, allowances } = decision;
  const ours = new Map(reports.map((r) => [r.key, r]));
  const sizeOf = ({ key, report }: NewReport) => ({
    records: report.records,
    messages: report.messages,
    ...allowances.get(key)!,
  });
  const left = [...signs.keys()].filter((key) => !ours.has(key));
  const leaving = new Map((await loadPolicyReports(tx, left)).map((report) => [report.key, report]));
  const changes = [...signs].map(([key, sign]) => {
    const own = ours.get(key);
    if (own === undefined) {
      const report = leaving.get(key)!;
      const { trust, reporter, begin, size } = report;
      return { key, sign, trust, reporter, begin, size, report };
    }
    const { report, trust, reporter } = own;
    return {
      key,
      sign,
      trust: classOf(trust),
      reporter: reporterKey(reporter),
      begin: report.begin,
      size: sizeOf(own),
      report,
    };
  });
  await rollUp(tx, changes);
  await rollUpPolicies(tx, changes);
  await dropEmptyPending(tx, changes);
  const verified = kept.filter(({ trust }) => trust !== null && trust.reporter_trust !== null);
  // The policy of a report that enters the rollups was noted with it. (A pending report is noted when its
  // verdict is written.)
  const withoutPolicy = verified.filter(({ key, report }) => !signs.has(key) || policyText(report.policy) === '');
  await noteDomains(
    tx,
    withoutPolicy.map(({ report }) => keyText(report.domain)),
  );
  const superseded = kept.filter(({ key }) => !signs.has(key));
  await noteSources(
    tx,
    superseded.map((one) => ({ key: one.key, begin: one.report.begin, trust: classOf(one.trust), size: sizeOf(one) })),
  );
  const changed = changes.filter(({ trust }) => trust !== 'pending');
  return [...new Set([...verified, ...superseded, ...changed].map(({ report }) => report.domain))];
}

function resultOf(
  { message, result, reports }: ReadMessage,
  { outcomes, unverified }: StoredReports,
): Omit<MessageResult, 'tls' | 'failures' | 'refuted'> {
  return {
    ...settlementOf(message.message_key, reports.length, result),
    reports: reports.map(({ key, report, trust }) => ({
      key,
      outcome: outcomes.get(key)!,
      records: report.records,
      messages: report.messages,
      reporter_trust: (outcomes.get(key) !== 'duplicate' && trust?.reporter_trust) || null,
    })),
    unverified: unverified.has(message.message_key),
  };
}

/**
 * A message that holds a report is stored, whatever else is in it; the first part that could not be read
 * gives the reason.
 */
function settlementOf(message_key: number, aggregate: number, result: OtherResult): Settlement {
  const trouble = result.refused[0] ?? result.other[0] ?? null;
  const reports = aggregate + result.tls.length + result.failures.length;
  const state = reports > 0 ? 'stored' : result.refused.length > 0 ? 'quarantined' : 'ignored';
  return { message_key, state, code: trouble?.code ?? null, reason: trouble?.message ?? null };
}
