import type { BrokenSender } from '../../findings/figures.ts';
import { addDays, daysBetween, earlier } from '../../shared/days.ts';
import type { SourceDay } from '../../store/analysis/window-reads.ts';
import { certainty } from '../statistics/confidence.ts';
import { HABIT_DAYS } from '../statistics/habit.ts';
import { shareTail } from '../statistics/tails.ts';
import { brokenPart, mechanismOf } from './broken_part.ts';
import { CHANGES_TESTED, type ChangePoint, changeOf, goesOn, passingMailGone, priorOf } from './change_point.ts';
import { days, failedOf, reportersOf, type SourceWindow, total } from './window.ts';

/** At one receiver, nearly all of the mail fails, so many messages on so many days. */
const NEARLY_ALL = 0.8;
const MESSAGES = 20;
const DAYS = 3;
/** What others send there goes on verifying: so many messages, and so much of what it was. */
const OTHERS = 20;
const OTHERS_STILL = 0.5;
/** So many that fail there are lost mail, whoever is to blame. */
const MUCH = 100;
/** Receivers that begin to refuse within so many days of each other have one reason. */
const NEAR_DAYS = 2;

/** The window as some receivers alone see the source; all of it where none are named. */
export function seenAt(window: SourceWindow, at: readonly string[] | undefined): SourceWindow {
  return at === undefined ? window : { ...window, rows: window.rows.filter(({ reporter }) => at.includes(reporter)) };
}

/** What some receivers refused since a day: on the days before they began, they refused nothing. */
export function refusedRows({ rows }: Pick<SourceWindow, 'rows'>, at: readonly string[], since: string): SourceDay[] {
  return rows.filter((row) => row.day >= since && at.includes(row.reporter) && failedOf(row) > 0);
}

/** What one receiver sees of a source that it took until a day, and refuses since. */
interface Refusal {
  reporter: string;
  change: ChangePoint;
  mechanism: 'dkim' | 'spf' | 'both';
  failing: number;
  chance: number;
}

/**
 * Since when some receivers refuse a source that the others go on to pass: nearly all of what it sends them
 * fails. That is its fault or the domain's, and not the receiver's, where what others send there goes on
 * passing by the same mechanism (a key that one receiver finds too short), or where two receivers begin
 * within two days (a zone that fails for all that validate DNSSEC). Where neither is so, much mail that fails
 * is told of whoever is to blame. Null otherwise.
 */
export function refusedAt(window: SourceWindow): BrokenSender | null {
  const failing = window.rows.filter((row) => failedOf(row) > 0);
  const reporters = reportersOf(failing);
  const refusals = reporters.flatMap((reporter) => refusalOf(window, reporter, window.level / reporters.length) ?? []);
  const [first, ...rest] = refusals.filter(
    (one) =>
      one.failing >= MUCH ||
      othersPassAt(window, one) ||
      refusals.some((other) => other !== one && areNear(one.change.day, other.change.day)),
  );
  if (first === undefined) return null;
  // Others that begin at another time, or lose something else, have another reason: they join it later.
  const isSame = ({ mechanism, change }: Refusal) => mechanism === first.mechanism && areNear(change.day, first.change.day);
  const sure = [first, ...rest.filter(isSame)];
  const at = sure.map(({ reporter }) => reporter);
  const since = sure.map(({ change }) => change.day).reduce(earlier);
  // Whether it passes elsewhere is not known before others have reported since.
  if (!window.rows.some((row) => row.day >= since && row.passed > 0 && !at.includes(row.reporter))) return null;
  const before = total(sure.flatMap(({ change }) => change.before));
  return brokenPart(window.source, refusedRows(window, at, since), {
    since,
    last_good_day: sure.map(({ change }) => change.beforeDays.at(-1)!.day).reduce(earlier),
    mechanism: first.mechanism,
    before: { passed: before.passed, of: before.passed + failedOf(before), days: first.change.beforeDays.length },
    confidence: certainty({ chance: Math.min(...sure.map(({ chance }) => chance)), witnesses: at.length }),
    at,
  });
}

/** @param level how unlikely its failures must be */
function refusalOf(window: SourceWindow, reporter: string, level: number): Refusal | null {
  const { rows } = seenAt(window, [reporter]);
  const all = days(rows);
  const change = changeOf(window, rows, all);
  if (change === null) return null;
  const { day, beforeDays, before, after } = change;
  const [beforeSum, afterSum] = [total(before), total(after)];
  const failing = failedOf(afterSum);
  const of = afterSum.passed + failing;
  const since = all.filter((one) => one.day >= day);
  if (failing < MESSAGES || failing < NEARLY_ALL * of || since.filter((one) => one.failed > 0).length < DAYS) return null;
  const { a, b } = priorOf(beforeDays, beforeSum);
  const chance = shareTail(failing, of, a, b);
  if (chance >= level / CHANGES_TESTED || !goesOn(after, failing / of)) return null;
  if (!passingMailGone(beforeDays, since, failing / of, 0)) return null;
  return { reporter, change, mechanism: mechanismOf(beforeSum, afterSum), failing, chance };
}

/** Whether other sources' mail goes on passing at a receiver by the mechanism that this one lost. */
function othersPassAt({ rows, reporterDays }: SourceWindow, { reporter, change: { day }, mechanism }: Refusal): boolean {
  const aligned = mechanism === 'spf' ? 'spf_aligned' : 'dkim_aligned';
  const from = addDays(day, -HABIT_DAYS);
  const reported = reporterDays.filter((one) => one.reporter === reporter && one.day >= from);
  const own = (some: readonly SourceDay[]) => some.reduce((n, row) => n + row[aligned], 0);
  const others = (of: readonly { day: string; dkim_aligned: number; spf_aligned: number }[]) => {
    const on = new Set(of.map((one) => one.day));
    return of.reduce((n, one) => n + one[aligned], 0) - own(rows.filter((row) => row.reporter === reporter && on.has(row.day)));
  };
  const before = reported.filter((one) => one.day < day);
  const since = reported.filter((one) => one.day >= day);
  const came = others(since);
  return came >= OTHERS && came / since.length >= (OTHERS_STILL * others(before)) / before.length;
}

const areNear = (one: string, other: string): boolean =>
  daysBetween(...([one, other].sort() as [string, string])).length <= NEAR_DAYS + 1;
