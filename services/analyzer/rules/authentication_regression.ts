import type { Ending } from '../../findings/end-reasons.ts';
import type { BrokenSender } from '../../findings/figures.ts';
import { addDays, isWeekend, later } from '../../shared/days.ts';
import type { SourceDay } from '../../store/analysis/window-reads.ts';
import { relayedBy } from '../sources/relays.ts';
import { certainty, witnesses } from '../statistics/confidence.ts';
import { HABIT_DAYS } from '../statistics/habit.ts';
import { likelihoodRatio, passesAgainSince } from '../statistics/series.ts';
import { shareTail } from '../statistics/tails.ts';
import { type BrokenSenders, KIND, openPart, settledPart } from './broken_senders.ts';
import type { IncidentRule } from './rule.ts';
import { DOMAIN_DAYS, silentSince } from './silence.ts';
import { strengthenedSince, weakenedSince } from './weakened_sender.ts';
import {
  type Counts,
  coveredDays,
  coveredRows,
  type Day,
  days,
  failedOf,
  reportersOf,
  type SourceWindow,
  total,
} from './window.ts';

/** The clear before: on at least so many mail days, so many messages, this share passing. */
const BEFORE_DAYS = 5;
const BEFORE_MESSAGES = 20;
const BEFORE_SHARE = 0.8;
/** How far back the change may lie. */
const LOOK = 28;
/**
 * The clear after: so many failing messages, this much more of them than before, seen by two reporters or on
 * two days.
 */
const AFTER_MESSAGES = 10;
const RISE = 0.15;
/** The newest mail fails at no less than this part of the rate since the change: what is over is no news. */
const STILL = 0.5;
/**
 * How a source's share of failures varies from day to day, before anything is known of it: Beta with this sum
 * of parameters.
 */
const PRIOR_SHARE = 40;
const PRIOR_DAYS = 5;
/** Days tried as the day of the change count as so many tests: they have most of their mail in common. */
const CHANGES_TESTED = 5;

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
 * pass before are heard); one reporter's own trouble (half of those must agree); a spoofer in the network of
 * a sender (its passing mail goes on).
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
  if (open) return stillFailing(window, open);

  const rows = coveredRows(window);
  const all = days(rows);
  const change = changeOf(window, rows, all, window.settled ?? settledPart(window.known, window.source));
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

  const newest = days(afterRows).slice(-2);
  const newestSum = { passed: sum(newest, 'passed'), failed: sum(newest, 'failed') };
  if (newestSum.failed / (newestSum.passed + newestSum.failed) < (STILL * failing) / of) return null;
  const since = all.filter((one) => one.day >= day);
  if (!passingMailGone(beforeDays, since, least, awaited.messages)) return null;
  const agreeing = [...heard].filter((reporter) => failsAlike(afterRows, reporter, failing / of));
  const present = new Set([...afterRows.map((row) => row.reporter), ...awaited.reporters]);
  if (agreeing.length * 2 < present.size) return null;
  if (agreeing.length < 2 && since.filter((one) => one.failed > 0).length < 2) return null;

  return part(window.source, after, {
    since: day,
    last_good_day: beforeDays.at(-1)!.day,
    mechanism: mechanismOf(beforeSum, afterSum),
    before: { passed: beforeSum.passed, of: beforeSum.passed + failedOf(beforeSum), days: beforeDays.length },
    confidence: certainty({ chance, witnesses: witnesses(afterRows.filter((row) => failedOf(row) > 0)) }),
  });
}

interface ChangePoint {
  day: string;
  beforeDays: Day[];
  /** Of the reporters that are heard. */
  before: SourceDay[];
  afterRows: SourceDay[];
  /** Of all reporters. */
  after: SourceDay[];
  heard: Set<string>;
}

/**
 * The day that divides the source's days best into passing and failing; null when none has enough on both
 * sides.
 */
function changeOf(window: SourceWindow, judged: readonly SourceDay[], all: readonly Day[], settled: string): ChangePoint | null {
  const from = later(addDays(window.today, 1 - LOOK), addDays(settled === '' ? window.from : settled, 1));
  const recent = all.filter((day) => day.day >= from);
  if (recent.reduce((n, day) => n + day.failed, 0) < AFTER_MESSAGES) return null;
  let best: ChangePoint | null = null;
  let most = 0;
  for (const { day } of recent) {
    const since = addDays(day, -HABIT_DAYS);
    const beforeDays = all.filter((one) => one.day < day && one.day >= since);
    if (beforeDays.filter((one) => one.passed > one.failed).length < BEFORE_DAYS) continue;
    const ratio = likelihoodRatio(
      { passed: sum(beforeDays, 'passed'), failed: sum(beforeDays, 'failed') },
      { passed: sum(recent, 'passed', day), failed: sum(recent, 'failed', day) },
    );
    if (ratio <= most) continue;
    const rows = judged.filter((row) => row.day >= since && row.day < day);
    const after = judged.filter((row) => row.day >= day);
    const heard = witnessesOf(rows, after);
    const before = rows.filter((row) => heard.has(row.reporter));
    const beforeSum = total(before);
    if (beforeSum.passed < BEFORE_MESSAGES || beforeSum.passed < BEFORE_SHARE * (beforeSum.passed + failedOf(beforeSum)))
      continue;
    const afterRows = after.filter((row) => heard.has(row.reporter));
    if (failedOf(total(afterRows)) < AFTER_MESSAGES) continue;
    most = ratio;
    best = { day, beforeDays, before, afterRows, after, heard };
  }
  return best;
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

function sum(some: readonly Day[], of: 'passed' | 'failed', from = ''): number {
  return some.reduce((n, day) => n + (day.day >= from ? day[of] : 0), 0);
}

/**
 * Beta parameters of the share that failed on a day before: its mean, and how it varied (method of moments,
 * drawn to the prior).
 */
function priorOf(beforeDays: readonly Day[], sums: Counts): { a: number; b: number } {
  const n = sums.passed + failedOf(sums);
  const mean = (failedOf(sums) + 0.2) / (n + 2);
  const shares = beforeDays.filter((day) => day.passed + day.failed >= 5).map((day) => day.failed / (day.passed + day.failed));
  const variance = shares.reduce((v, share) => v + (share - mean) ** 2, 0) / Math.max(1, shares.length);
  const varied = Math.min(1, variance / (mean * (1 - mean)));
  // 1 / (a + b + 1) is the part of the variance that is between days.
  const between = (shares.length * varied + PRIOR_DAYS / (PRIOR_SHARE + 1)) / (shares.length + PRIOR_DAYS);
  const size = Math.max(1, Math.min(PRIOR_SHARE, 1 / between - 1));
  return { a: mean * size, b: (1 - mean) * size };
}

/**
 * Why a source is over it: it passes again, or sends nothing that fails for as long as the rule looks. Null
 * while it is not.
 */
export function recoveredSince(broken: BrokenSender, window: SourceWindow): Ending | null {
  const again = passesAgainSince(days(coveredRows(window)), broken.last_day);
  if (again !== null) return { reason: 'passes_again', since: again };
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
  const found = part(window.source, after, {
    since: open.since,
    last_good_day: open.last_good_day,
    mechanism: open.mechanism,
    ...(open.before !== undefined && { before: open.before }),
    confidence: Math.max(open.confidence, certainty({ witnesses: witnesses(after.filter((row) => failedOf(row) > 0)) })),
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
  const after = rows.filter(({ day }) => day >= found.since);
  const sums = total(after);
  const failing = failedOf(sums);
  if (failing === 0 || failing < STILL * (found.messages / found.of) * (sums.passed + failing)) return null;
  const { since, last_good_day, mechanism, confidence } = found;
  return part(source, after, { since, last_good_day, mechanism, confidence });
}

function part(
  source: string,
  after: readonly SourceDay[],
  found: Pick<BrokenSender, 'since' | 'last_good_day' | 'mechanism' | 'confidence' | 'before'>,
): BrokenSender {
  const sums = total(after);
  const messages = failedOf(sums);
  const bad = after.filter((row) => failedOf(row) > 0);
  const badDays = new Set(bad.map((row) => row.day)).size;
  return {
    source,
    ...found,
    last_day: bad.map((row) => row.day).reduce(later),
    messages,
    of: sums.messages,
    per_day: messages / Math.max(1, badDays),
    delivered: Math.min(messages, sums.failed_delivered),
    quarantined: Math.min(messages, sums.quarantined),
    rejected: Math.min(messages, sums.rejected),
    reporters: reportersOf(bad),
    ...(found.mechanism !== 'dkim' && inError(sums, messages)),
  };
}

/** How SPF ended for the failing mail, where its record could not be evaluated. */
function inError({ spf_permerror, spf_temperror }: Counts, messages: number): Pick<BrokenSender, 'error'> {
  if (2 * (spf_permerror + spf_temperror) < messages) return {};
  return { error: spf_permerror >= spf_temperror ? 'permerror' : 'temperror' };
}

/** The reporters that saw the source pass before the change and reported on it after. */
function witnessesOf(before: readonly SourceDay[], after: readonly SourceDay[]): Set<string> {
  const saw = new Set(after.map((row) => row.reporter));
  const heard = new Set<string>();
  for (const reporter of saw) {
    const sum = total(before.filter((row) => row.reporter === reporter));
    if (sum.passed > 0 && sum.passed >= BEFORE_SHARE * (sum.passed + failedOf(sum))) heard.add(reporter);
  }
  return heard;
}

/** Whether a reporter sees failures at no less than half the rate that all see together. */
function failsAlike(rows: readonly SourceDay[], reporter: string, share: number): boolean {
  const sums = total(rows.filter((row) => row.reporter === reporter));
  return failedOf(sums) >= (share / 2) * (sums.passed + failedOf(sums));
}

/**
 * Whether the days after bring as much less of the passing mail as fails, within half of that, against what
 * days of their kind (weekday, weekend) used to bring. What is awaited counts as passing.
 */
function passingMailGone(before: readonly Day[], after: readonly Day[], share: number, awaited: number): boolean {
  const mean = (some: readonly Day[]) => some.reduce((n, day) => n + day.passed, 0) / some.length;
  let expected = 0;
  let came = awaited;
  for (const day of after) {
    const alike = before.filter((other) => isWeekend(other.day) === isWeekend(day.day));
    expected += mean(alike.length > 0 ? alike : before);
    came += day.passed;
  }
  return came <= (1 - share / 2) * expected;
}

/** A mechanism is lost when at least this part of the failing mail used to have it. */
const LOST = 0.5;

/**
 * Which mechanism the failing mail lost: each by itself, from how many messages had it before and do not
 * since. (One of three hosts that lost both leaves most of the mail with both.)
 */
function mechanismOf(before: Counts, after: Counts): 'dkim' | 'spf' | 'both' {
  const failing = Math.max(1, failedOf(after));
  const lost = (name: 'dkim_aligned' | 'spf_aligned') =>
    ((before[name] / Math.max(1, before.messages)) * after.messages - after[name]) / failing;
  const dkim = lost('dkim_aligned');
  const spf = lost('spf_aligned');
  if (dkim >= LOST && spf >= LOST) return 'both';
  return dkim >= spf ? 'dkim' : 'spf';
}
