import type { Ending } from '../../findings/end-reasons.ts';
import type { BrokenSender } from '../../findings/figures.ts';
import { isWeekend, later } from '../../shared/days.ts';
import type { SourceDay } from '../../store/analysis/window-reads.ts';
import { relayedBy } from '../sources/relays.ts';
import { certainty, witnesses } from '../statistics/confidence.ts';
import { passesAgainSince } from '../statistics/series.ts';
import { shareTail } from '../statistics/tails.ts';
import { brokenPart, mechanismOf } from './broken_part.ts';
import { type BrokenSenders, KIND, openPart } from './broken_senders.ts';
import {
  AFTER_MESSAGES,
  CHANGES_TESTED,
  type ChangePoint,
  changeOf,
  goesOn,
  passingMailGone,
  priorOf,
  STILL,
  sum,
} from './change_point.ts';
import { refusedAt, refusedRows, seenAt } from './refused_at.ts';
import type { IncidentRule } from './rule.ts';
import { DOMAIN_DAYS, silentSince } from './silence.ts';
import { strengthenedSince, weakenedSince } from './weakened_sender.ts';
import { coveredDays, coveredRows, days, failedOf, type SourceWindow, total } from './window.ts';

/**
 * The clear after: so much more of it fails than before, in AFTER_MESSAGES, seen by two reporters or on two
 * days.
 */
const RISE = 0.15;

/**
 * A source whose mail passed until a day and fails since (RFC 9989 section 5.1.6 asks to fix such streams),
 * all of it or a part: a rotated key that was not published, an SPF include that was dropped. It takes the
 * place of alignment_failure and unauthorized_source. Each source is examined by itself; those that broke are
 * put together in broken_senders.ts.
 *
 * The day of the change is the one that divides the source's days best (the largest likelihood ratio). The
 * failures since are then held against the share before, which itself varies from day to day (beta-binomial).
 *
 * Only days count on which reporters that carry half of the domain's usual mail have reported, and
 * those that are awaited count as though all of it passed for them: their word can only confirm.
 *
 * What must not look like it: a weekend (days without mail are no days; what a Saturday should bring is taken
 * from Saturdays); a reporter that always fails and is the only one left (only reporters that saw the source
 * pass before are heard); one reporter's own trouble (half of those must agree, or refusedAt must find that
 * it is not); a spoofer in the network of a sender (its passing mail goes on).
 */
export const authenticationRegression: IncidentRule = {
  kind: KIND,
  scope: 'incident',
  severity: ['low', 'medium', 'high', 'critical'],
  tested: true,
  find: ({ senders, policy, changes }) => senders.candidates(policy, changes),
  over: (finding, { senders }) => senders.ended(finding),
};

/**
 * Notes of one source whether it fails since a day, or no longer does. To be asked of every source before
 * `find`.
 */
export function examineSender(senders: BrokenSenders, window: SourceWindow): void {
  const { source } = window;
  // A denied sender is nobody's to repair.
  if (window.listed?.verdict === 'denied') {
    senders.recover(source, { reason: 'denied' });
    return;
  }
  const before = openPart(window.known, source);
  const weak = before?.survives_on !== undefined;
  // What a list or forwarder changes on the way is not broken at its sender, and nobody here can repair it.
  const via = relayedBy(window, total(window.rows));
  const changed = via === 'signature' || via === 'envelope';
  const failing = changed ? null : failingSince(window, weak ? null : before);
  const found = failing ?? (before === null || weak ? weakenedSince(window, before) : null);
  if (found !== null) {
    senders.fail(found);
    return;
  }
  const part = senders.part(source);
  const why = part && (part.survives_on === undefined ? recoveredSince(part, window) : strengthenedSince(part, window));
  if (why !== null) senders.recover(source, why);
}

/**
 * Since when a source fails, and how much of its mail; null when it does not.
 * @param open what an open finding says of its failing
 */
export function failingSince(window: SourceWindow, open = openPart(window.known, window.source)): BrokenSender | null {
  if (open?.at !== undefined) return failingEverywhere(window) ?? stillRefused(window, open, open.at);
  if (open) return stillFailing(window, open);
  return failingEverywhere(window) ?? refusedAt(window);
}

/** The same by the word of half of its reporters at least. */
function failingEverywhere(window: SourceWindow): BrokenSender | null {
  const rows = coveredRows(window);
  const all = days(rows);
  const change = changeOf(window, rows, all);
  if (change === null) return null;
  const { day, beforeDays, before, after, afterRows, heard } = change;
  const beforeSum = total(before);
  const afterSum = total(afterRows);
  const failing = failedOf(afterSum);
  const of = afterSum.passed + failing;
  const { a, b } = priorOf(beforeDays, beforeSum);
  const awaited = awaitedOf(window, change);
  // Whoever has yet to report may report that all of it passed.
  const least = failing / (of + awaited.messages);
  const chance = shareTail(failing, of + awaited.messages, a, b);
  if (chance >= window.level / CHANGES_TESTED) return null;
  if (least < a / (a + b) + RISE || failing < AFTER_MESSAGES) return null;

  if (!goesOn(afterRows, failing / of)) return null;
  const since = all.filter((one) => one.day >= day);
  if (!passingMailGone(beforeDays, since, least, awaited.messages)) return null;
  const agreeing = [...heard].filter((reporter) => failsAlike(afterRows, reporter, failing / of));
  const present = new Set([...afterRows.map((row) => row.reporter), ...awaited.reporters]);
  if (agreeing.length * 2 < present.size) return null;
  if (agreeing.length < 2 && since.filter((one) => one.failed > 0).length < 2) return null;

  return brokenPart(window.source, after, {
    since: day,
    last_good_day: beforeDays.at(-1)!.day,
    mechanism: mechanismOf(beforeSum, afterSum),
    before: { passed: beforeSum.passed, of: beforeSum.passed + failedOf(beforeSum), days: beforeDays.length },
    confidence: certainty({ chance, witnesses: witnesses(afterRows.filter((row) => failedOf(row) > 0)) }),
  });
}

/**
 * What may still be reported about the days since the change by reporters that saw the source pass before: as
 * much as they reported on a day of its kind (weekday, weekend).
 */
function awaitedOf(window: SourceWindow, { day, beforeDays, after }: ChangePoint): { messages: number; reporters: Set<string> } {
  const reporters = new Set<string>();
  let messages = 0;
  for (const late of new Set(after.map((row) => row.day))) {
    const alike = beforeDays.filter((one) => isWeekend(one.day) === isWeekend(late)).map((one) => one.day);
    for (const reporter of window.attendance.awaited(late)) {
      const told = window.rows.filter((row) => row.reporter === reporter && row.day < day && alike.includes(row.day));
      if (told.length === 0) continue;
      messages += told.reduce((n, row) => n + row.passed, 0) / alike.length;
      reporters.add(reporter);
    }
  }
  return { messages: Math.round(messages), reporters };
}

/**
 * Why a source is over it: it passes again, or sends nothing that fails for as long as the rule looks. Null
 * while it is not.
 */
export function recoveredSince(broken: BrokenSender, window: SourceWindow): Ending | null {
  const parts = broken.at?.map((reporter) => seenAt(window, [reporter])) ?? [window];
  const again = parts.flatMap((part) => passesAgainSince(days(coveredRows(part)), broken.last_day) ?? []);
  if (again.length === parts.length) return { reason: 'passes_again', since: again.reduce(later) };
  return silentSince(broken, coveredDays(window), DOMAIN_DAYS) ? { reason: 'no_failing_mail', days: DOMAIN_DAYS } : null;
}

/**
 * An open regression goes on as long as the newest mail fails, also when the good days have left the window.
 */
function stillFailing(window: SourceWindow, open: BrokenSender): BrokenSender | null {
  const after = window.rows.filter((row) => row.day >= open.since);
  const newest = days(after).slice(-2);
  const failed = sum(newest, 'failed');
  if (failed === 0 || failed < (STILL / 2) * (open.messages / open.of) * (failed + sum(newest, 'passed'))) return null;
  const found = brokenPart(window.source, after, {
    since: open.since,
    last_good_day: open.last_good_day,
    mechanism: open.mechanism,
    ...(open.before !== undefined && { before: open.before }),
    confidence: Math.max(open.confidence, certainty({ witnesses: witnesses(after.filter((row) => failedOf(row) > 0)) })),
  });
  return { ...found, last_day: later(found.last_day, open.last_day) };
}

/**
 * What some receivers refuse goes on where one of them does; who takes it again is no part of it any more,
 * and who has begun to refuse it since is.
 */
function stillRefused(window: SourceWindow, open: BrokenSender, before: readonly string[]): BrokenSender | null {
  const still = before.filter((reporter) => stillFailing(seenAt(window, [reporter]), open) !== null);
  const joined = (refusedAt(window)?.at ?? []).filter((reporter) => !before.includes(reporter));
  const at = [...still, ...joined];
  const rows = refusedRows(window, at, open.since);
  if (rows.length === 0) return null;
  const { since, last_good_day, mechanism, confidence } = open;
  const found = brokenPart(window.source, rows, {
    since,
    last_good_day,
    mechanism,
    confidence: Math.max(confidence, certainty({ witnesses: witnesses(rows) })),
    ...(open.before !== undefined && { before: open.before }),
    at,
  });
  return { ...found, last_day: later(found.last_day, open.last_day) };
}

/**
 * The part that one source has in the failing of its sender, whose sources were judged together: it fails at
 * no less than half of the sender's rate. Null where it does not.
 * @param found of the sender
 */
export function shareOfFailing(
  { source, rows }: Pick<SourceWindow, 'source' | 'rows'>,
  found: BrokenSender,
): BrokenSender | null {
  const { at } = found;
  const after = at === undefined ? rows.filter(({ day }) => day >= found.since) : refusedRows({ rows }, at, found.since);
  const sums = total(after);
  const failing = failedOf(sums);
  if (failing === 0 || failing < STILL * (found.messages / found.of) * (sums.passed + failing)) return null;
  const { since, last_good_day, mechanism, confidence } = found;
  return brokenPart(source, after, { since, last_good_day, mechanism, confidence, ...(at !== undefined && { at }) });
}

/** Whether a reporter sees failures at no less than half the rate that all see together. */
function failsAlike(rows: readonly SourceDay[], reporter: string, share: number): boolean {
  const sums = total(rows.filter((row) => row.reporter === reporter));
  return failedOf(sums) >= (share / 2) * (sums.passed + failedOf(sums));
}
