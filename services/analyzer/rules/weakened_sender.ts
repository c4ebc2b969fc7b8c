import type { Ending } from '../../findings/end-reasons.ts';
import type { BrokenSender } from '../../findings/figures.ts';
import { addDays, later } from '../../shared/days.ts';
import type { SourceDay } from '../../store/analysis/window-reads.ts';
import { RETURN_DAYS, unsignedReturn } from '../sources/returned.ts';
import { certainty, witnesses } from '../statistics/confidence.ts';
import { HABIT_DAYS } from '../statistics/habit.ts';
import { likelihoodRatio, passesAgainSince } from '../statistics/series.ts';
import { shareTail } from '../statistics/tails.ts';
import { settledPart } from './broken_senders.ts';
import { DOMAIN_DAYS, silentSince } from './silence.ts';
import { type Counts, coveredDays, coveredRows, type Day, reportersOf, type SourceWindow, total } from './window.ts';

/** The clear before: signed mail on so many days, so many messages, this share of all. */
const BEFORE_DAYS = 5;
const BEFORE_MESSAGES = 20;
const BEFORE_SHARE = 0.9;
/**
 * The clear after: so many messages, of which at most this share is signed, and no more of it than this part.
 */
const AFTER_MESSAGES = 20;
const AFTER_SHARE = 0.2;
const GONE = 0.5;
/** How a source's share of unsigned mail varies from day to day: Beta with this sum of parameters. */
const PRIOR_SHARE = 40;
/** Days tried as the day of the change count as so many tests: they have most of their mail in common. */
const CHANGES_TESTED = 5;
/**
 * Of a source a part of whose signatures fails (one server of several in a network): so much more of its mail
 * than before, on so many days, of which nearly all has a signature of the domain's own that does not
 * verify; the newest mail fails at no less than half of that rate. What is lost to at most this part of it is
 * lost to a part.
 */
const PART_RISE = 0.1;
const PART_DAYS = 3;
const PART_BROKEN = 0.8;
const PART_STILL = 0.5;
const PART = 0.8;
/**
 * Of a source that is new, so much of its mail has a signature of the domain's own that does not verify.
 */
const NEVER = 0.3;
/** How far back the day may lie on which a part was lost. */
const LOOK = 28;
/** SPF cannot be evaluated for this share of a source's mail; `temperror` for so many days. */
const IN_ERROR = 0.8;
const TEMPORARY_DAYS = 3;
/** What one day alone shows may be a hiccup of DNS. */
const LEAST_DAYS = 2;

/** One mechanism of a source's mail: how much of a day's mail has it, and how much does not. */
interface Mechanism {
  lost: 'dkim' | 'spf';
  bad(counts: Counts): number;
}
/** What is counted is all mail, whether it passes DMARC or not. */
const UNSIGNED: Mechanism = { lost: 'dkim', bad: ({ messages, dkim_aligned }) => messages - dkim_aligned };
const ERRORS: Mechanism = { lost: 'spf', bad: ({ spf_permerror, spf_temperror }) => spf_permerror + spf_temperror };

/**
 * Finds the mechanism that a source lost although its mail still passes, by the other one: a key that no
 * longer verifies and that SPF hides, until the mail is forwarded; an SPF record that cannot be evaluated.
 * Each mechanism is judged by itself. Null when none is lost.
 *
 * @param open what an open finding says of the source already
 */
export function weakenedSince(window: SourceWindow, open: BrokenSender | null): BrokenSender | null {
  const known = open?.survives_on === undefined ? null : open;
  const by = known && (known.survives_on === 'spf' ? UNSIGNED : ERRORS);
  return (
    (by === null || by === UNSIGNED
      ? (unsignedSince(window, known) ?? partlyUnsignedSince(window, known) ?? neverVerified(window, known))
      : null) ?? (by === null || by === ERRORS ? inErrorSince(window, known) : null)
  );
}

/** Why a source has the mechanism again; null while it has not. */
export function strengthenedSince(part: BrokenSender, window: SourceWindow): Ending | null {
  const by = part.survives_on === 'spf' ? UNSIGNED : ERRORS;
  const again = passesAgainSince(daysBy(coveredRows(window), by), part.last_day);
  if (again !== null) return { reason: 'passes_again', since: again };
  return silentSince(part, coveredDays(window), DOMAIN_DAYS) ? { reason: 'no_failing_mail', days: DOMAIN_DAYS } : null;
}

/**
 * The part that one source has in what its sender lost, whose sources were judged together: it lacks the
 * mechanism for no less than half of the sender's rate. Null where it does not.
 * @param found of the sender
 */
export function shareOfWeakness(window: SourceWindow, found: BrokenSender): BrokenSender | null {
  const by = found.survives_on === 'spf' ? UNSIGNED : ERRORS;
  const sums = total(window.rows.filter(({ day }) => day >= found.since));
  const lacking = by.bad(sums);
  if (lacking === 0 || lacking < PART_STILL * (found.messages / found.of) * sums.messages) return null;
  const { since, last_good_day, confidence } = found;
  return partOf(window, by, { since, last_good_day, confidence });
}

/** One that was away for weeks may be somebody else's by now: while that is news, it is abused_sender's. */
function isReturn(window: SourceWindow): boolean {
  const { listed, known, today } = window;
  const back = listed === null ? unsignedReturn(window) : null;
  if (back === null) return false;
  const told = known.some(({ state, evidence }) => state === 'open' && evidence.facts?.rule === 'abused_sender');
  return told || back.since >= addDays(today, 1 - RETURN_DAYS);
}

/** A source that signed its mail until a day, and whose mail passes by SPF alone since. */
function unsignedSince(window: SourceWindow, open: BrokenSender | null): BrokenSender | null {
  const all = daysBy(coveredRows(window), UNSIGNED);
  const run = lostRun(all);
  if (run.length === 0) return null;
  if (open !== null) return partOf(window, UNSIGNED, { ...open, of: 0 });
  if (run.length < LEAST_DAYS || isReturn(window)) return null;
  const since = run[0]!.day;
  const from = addDays(since, -HABIT_DAYS);
  const before = all.filter(({ day }) => day < since && day >= from);
  const signed = sum(before, 'passed');
  if (before.length < BEFORE_DAYS || signed < BEFORE_MESSAGES || signed < BEFORE_SHARE * (signed + sum(before, 'failed')))
    return null;
  const now = sum(run, 'passed');
  const lost = sum(run, 'failed');
  // Signed mail that goes on beside unsigned mail is another story: somebody else sends.
  if (lost < AFTER_MESSAGES || now > AFTER_SHARE * (now + lost) || now / run.length > (GONE * signed) / before.length)
    return null;
  const mean = (sum(before, 'failed') + 0.2) / (signed + sum(before, 'failed') + 2);
  const chance = shareTail(lost, lost + now, mean * PRIOR_SHARE, (1 - mean) * PRIOR_SHARE);
  if (chance >= window.level / CHANGES_TESTED) return null;
  const rows = window.rows.filter(({ day }) => day >= since);
  // What does not pass either is a sender that broke, and reported as one.
  const { passed, messages } = total(rows);
  if (passed < BEFORE_SHARE * messages || !isSeen(rows, UNSIGNED)) return null;
  return partOf(window, UNSIGNED, {
    since,
    last_good_day: before.at(-1)!.day,
    before: { passed: signed, of: signed + sum(before, 'failed'), days: before.length },
    chance,
  });
}

/**
 * A source of which a part signs with a key that no longer verifies, while SPF passes for all of it: one
 * server of several. Such mail has a signature of ours, so it is nobody else's; and lists and forwarders,
 * which break signatures too, do not pass SPF. The day is the one that divides the source's days best.
 */
function partlyUnsignedSince(window: SourceWindow, open: BrokenSender | null): BrokenSender | null {
  const all = daysBy(coveredRows(window), UNSIGNED);
  if (open !== null) {
    const goesOn = open.messages <= PART * open.of && lostShare(all.slice(-2)) >= (PART_STILL / 2) * (open.messages / open.of);
    return goesOn ? partOf(window, UNSIGNED, { ...open, of: 0 }) : null;
  }
  const settled = window.settled ?? settledPart(window.known, window.source);
  const best = partlyLostFrom(all, later(settled === '' ? window.from : addDays(settled, 1), addDays(window.today, 1 - LOOK)));
  if (best === null) return null;
  const { before, after } = best;
  const [signed, wobble] = [sum(before, 'passed'), sum(before, 'failed')];
  const [now, lost] = [sum(after, 'passed'), sum(after, 'failed')];
  const mean = (wobble + 0.2) / (signed + wobble + 2);
  if (lost < AFTER_MESSAGES || lostShare(after) < mean + PART_RISE || after.filter((day) => day.failed > 0).length < PART_DAYS)
    return null;
  if (lostShare(after.slice(-2)) < PART_STILL * lostShare(after)) return null;
  const chance = shareTail(lost, lost + now, mean * PRIOR_SHARE, (1 - mean) * PRIOR_SHARE);
  if (chance >= window.level / CHANGES_TESTED) return null;
  const since = after[0]!.day;
  const rows = window.rows.filter(({ day }) => day >= since);
  const { passed, messages, dkim_broken } = total(rows);
  if (passed < BEFORE_SHARE * messages || dkim_broken < PART_BROKEN * lost) return null;
  if (!isSeen(rows, UNSIGNED, lostShare(after) / 2)) return null;
  return partOf(window, UNSIGNED, {
    since,
    last_good_day: before.at(-1)!.day,
    before: { passed: signed, of: signed + wobble, days: before.length },
    chance,
  });
}

/**
 * A new source whose mail passes SPF and has borne signatures of ours that do not verify since its first day:
 * a gateway that was put behind the signer and changes the mail, a new server whose key is not the published
 * one. What went another way before is not there to be compared with. Nobody but the domain signs as it and
 * is in its SPF record.
 */
function neverVerified(window: SourceWindow, open: BrokenSender | null): BrokenSender | null {
  if (open !== null || window.rows.some(({ day }) => day < addDays(window.today, 1 - LOOK))) return null;
  const rows = coveredRows(window);
  const { messages, passed, dkim_broken } = total(rows);
  const all = daysBy(rows, UNSIGNED);
  const lost = sum(all, 'failed');
  if (lost < AFTER_MESSAGES || lost < NEVER * messages || all.filter((day) => day.failed > 0).length < PART_DAYS) return null;
  if (passed < BEFORE_SHARE * messages || dkim_broken < PART_BROKEN * lost) return null;
  if (lostShare(all.slice(-2)) < PART_STILL * lostShare(all) || !isSeen(rows, UNSIGNED, lostShare(all) / 2)) return null;
  const since = all[0]!.day;
  return partOf(window, UNSIGNED, { since, last_good_day: since, chance: 0 });
}

/**
 * The days before and since the one from which the share of unsigned mail rose most clearly; null if none
 * did.
 */
function partlyLostFrom(all: readonly Day[], from: string): { before: readonly Day[]; after: readonly Day[] } | null {
  let best: { before: readonly Day[]; after: readonly Day[] } | null = null;
  let most = 0;
  for (const { day } of all) {
    if (day < from) continue;
    const habit = addDays(day, -HABIT_DAYS);
    const before = all.filter((one) => one.day < day && one.day >= habit);
    const signed = sum(before, 'passed');
    if (before.length < BEFORE_DAYS || signed < BEFORE_MESSAGES || lostShare(before) > 1 - BEFORE_SHARE) continue;
    const after = all.filter((one) => one.day >= day);
    const ratio = likelihoodRatio(
      { passed: signed, failed: sum(before, 'failed') },
      { passed: sum(after, 'passed'), failed: sum(after, 'failed') },
    );
    if (ratio <= most) continue;
    most = ratio;
    best = { before, after };
  }
  return best;
}

function lostShare(days: readonly Day[]): number {
  const lost = sum(days, 'failed');
  return lost / Math.max(1, lost + sum(days, 'passed'));
}

/**
 * A source whose mail passes by DKIM while its SPF record cannot be evaluated. A fact, so no test of chance.
 */
function inErrorSince(window: SourceWindow, open: BrokenSender | null): BrokenSender | null {
  const all = daysBy(coveredRows(window), ERRORS);
  const run = lostRun(all);
  if (run.length === 0) return null;
  if (open !== null) return partOf(window, ERRORS, { ...open, of: 0 });
  if (run.length < LEAST_DAYS) return null;
  const since = run[0]!.day;
  const rows = window.rows.filter(({ day }) => day >= since);
  const sums = total(rows);
  const errors = ERRORS.bad(sums);
  if (errors < AFTER_MESSAGES || errors < IN_ERROR * sums.messages || sums.passed < BEFORE_SHARE * sums.messages) return null;
  if (sums.spf_permerror < errors / 2 && run.length < TEMPORARY_DAYS) return null;
  if (!isSeen(rows, ERRORS)) return null;
  const good = all.filter(({ day }) => day < since).at(-1);
  return partOf(window, ERRORS, { since, last_good_day: good?.day ?? since, chance: 0 });
}

/** The days in a row up to the newest on which most of the mail lacks the mechanism. */
function lostRun(days: readonly Day[]): readonly Day[] {
  const lastGood = days.findLastIndex(({ passed, failed }) => failed <= passed);
  return days.slice(lastGood + 1);
}

/** By half of those that report on it: one reporter's own trouble is its own. */
function isSeen(rows: readonly SourceDay[], by: Mechanism, least = 0.5): boolean {
  const bad = rows.filter((row) => by.bad(row) > 0);
  const reporters = reportersOf(bad).filter((reporter) => {
    const sums = total(rows.filter((row) => row.reporter === reporter));
    return by.bad(sums) > least * sums.messages;
  });
  return reporters.length * 2 >= reportersOf(rows).length;
}

function daysBy(rows: readonly SourceDay[], { bad }: Mechanism): Day[] {
  const byDay = new Map<string, Day>();
  for (const row of rows) {
    const day = byDay.get(row.day) ?? { day: row.day, passed: 0, failed: 0 };
    day.passed += row.messages - bad(row);
    day.failed += bad(row);
    byDay.set(row.day, day);
  }
  return [...byDay.values()].filter((day) => day.passed + day.failed > 0).sort((a, b) => (a.day < b.day ? -1 : 1));
}

function sum(days: readonly Day[], of: 'passed' | 'failed'): number {
  return days.reduce((n, day) => n + day[of], 0);
}

type Found = Pick<BrokenSender, 'since' | 'last_good_day' | 'before'> & {
  chance?: number;
  confidence?: number;
  last_day?: string;
};

function partOf(window: SourceWindow, by: Mechanism, found: Found & { of?: number }): BrokenSender {
  const rows = window.rows.filter(({ day }) => day >= found.since);
  const sums = total(rows);
  const messages = by.bad(sums);
  const bad = rows.filter((row) => by.bad(row) > 0);
  const errors = sums.spf_permerror + sums.spf_temperror;
  return {
    source: window.source,
    mechanism: by.lost,
    survives_on: by.lost === 'dkim' ? 'spf' : 'dkim',
    since: found.since,
    last_good_day: found.last_good_day,
    ...(found.before !== undefined && { before: found.before }),
    ...(by.lost === 'dkim' && { unsigned: sums.dkim_broken < messages / 2 }),
    ...(by.lost === 'spf' &&
      errors > 0 && { error: 2 * sums.spf_permerror >= errors ? ('permerror' as const) : ('temperror' as const) }),
    confidence: Math.max(found.confidence ?? 0, certainty({ chance: found.chance ?? 0, witnesses: witnesses(bad) })),
    last_day: bad.map(({ day }) => day).reduce(later, found.last_day ?? found.since),
    messages,
    of: sums.messages,
    per_day: messages / Math.max(1, new Set(bad.map(({ day }) => day)).size),
    delivered: Math.min(messages, sums.delivered),
    quarantined: Math.min(messages, sums.quarantined),
    rejected: Math.min(messages, sums.rejected),
    reporters: reportersOf(bad),
  };
}
