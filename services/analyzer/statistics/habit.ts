import { addDays, daysBetween, isWeekend, later } from '../../shared/days.ts';
import type { ReporterDay } from '../../store/analysis/window-reads.ts';
import { countTail } from './tails.ts';

/** Report days that make a habit. */
export const HABIT_DAYS = 28;
/**
 * A reporter that reported on this share of the days is regular: its silence on a day says nothing about the
 * mail of that day.
 */
const REGULAR = 0.8;
/** Days that a weekday class borrows from the reporter's mean over all days. */
const BORROWED = 2;
/** Days' worth of the prior dispersion. */
const PRIOR_DAYS = 5;
/** Standard errors of the dispersion that are allowed for. */
const DOUBT = 2;
/** A day that a habit makes less likely than this was no habit. */
const OUTLIER = 0.002;
/** This many outlying stretches in a habit are a rhythm, such as campaigns. */
const RHYTHM = 3;
/**
 * A late report is awaited until this many newer days have been reported on; a longer silence is not
 * lateness: what reporters send late arrives within four days.
 */
const LATE_DAYS = 3;
/**
 * A day is covered when the reporters that have reported on it carry this share of what is usual for all that
 * did or still may: then most of its mail is known, and no single small reporter represents it.
 */
const QUORUM = 0.5;
/** Days before a day that say who is usual of it. */
const USUAL_DAYS = 14;

/** Who reported on a domain, and when. */
export class Attendance {
  readonly #spoke = new Map<string, Map<string, number>>();
  readonly #awaited = new Map<string, readonly string[]>();
  readonly #covered = new Map<string, boolean>();
  /** Newest day; the empty string when it has none. */
  readonly #newest: string;
  /** First day of the domain within the window; the empty string when it has none. */
  readonly first: string;
  readonly reporters: string[];

  constructor(reporterDays: readonly ReporterDay[]) {
    let first = '';
    let newest = '';
    for (const { reporter, day, messages } of reporterDays) {
      const days = this.#spoke.get(reporter) ?? new Map<string, number>();
      days.set(day, (days.get(day) ?? 0) + messages);
      this.#spoke.set(reporter, days);
      if (first === '' || day < first) first = day;
      if (day > newest) newest = day;
    }
    this.first = first;
    this.#newest = newest;
    this.reporters = [...this.#spoke.keys()].sort();
  }

  spoke(reporter: string, day: string): boolean {
    return this.#spoke.get(reporter)?.has(day) ?? false;
  }

  /** On how many of the days it reported. */
  days(reporter: string, among: readonly string[]): number {
    return among.reduce((n, day) => n + (this.spoke(reporter, day) ? 1 : 0), 0);
  }

  isRegular(reporter: string, among: readonly string[]): boolean {
    return among.length > 0 && this.days(reporter, among) >= REGULAR * among.length;
  }

  /** The regular reporters of the two weeks before a day that have not reported on it. */
  missing(day: string): string[] {
    const before = daysBetween(addDays(day, -USUAL_DAYS), addDays(day, -1));
    return this.reporters.filter((reporter) => !this.spoke(reporter, day) && this.isRegular(reporter, before));
  }

  /**
   * Those of the missing that may still report: the day is recent, and they reported on one of the days
   * before it.
   */
  awaited(day: string): readonly string[] {
    let found = this.#awaited.get(day);
    if (!found) {
      const before = daysBetween(addDays(day, -LATE_DAYS), addDays(day, -1));
      const recent = day > addDays(this.#newest, -LATE_DAYS);
      found = recent ? this.missing(day).filter((reporter) => this.days(reporter, before) > 0) : [];
      this.#awaited.set(day, found);
    }
    return found;
  }

  /**
   * Whether the reporters that reported on a day carry QUORUM of what is usual for them and for those
   * awaited. By messages, not by heads.
   */
  isCovered(day: string): boolean {
    let covered = this.#covered.get(day);
    if (covered === undefined) {
      const before = daysBetween(addDays(day, -USUAL_DAYS), addDays(day, -1));
      const usual = (reporters: readonly string[]) => reporters.reduce((sum, one) => sum + this.#usual(one, before), 0);
      const awaited = usual(this.awaited(day));
      const heard = awaited === 0 ? 0 : usual(this.reporters.filter((reporter) => this.spoke(reporter, day)));
      covered = heard >= QUORUM * (heard + awaited);
      this.#covered.set(day, covered);
    }
    return covered;
  }

  /** Messages that a reporter reports on a day on which it reports at all. */
  #usual(reporter: string, among: readonly string[]): number {
    const told = this.#spoke.get(reporter);
    const days = among.filter((day) => told?.has(day));
    return days.reduce((sum, day) => sum + told!.get(day)!, 0) / Math.max(1, days.length);
  }

  /** The days of habit before a day: up to HABIT_DAYS, none before the domain was first reported on. */
  habitBefore(day: string): string[] {
    if (this.first === '' || this.first >= day) return [];
    return daysBetween(later(addDays(day, -HABIT_DAYS), this.first), addDays(day, -1));
  }
}

/** Counts by reporter and day. */
export class Series {
  readonly #counts = new Map<string, Map<string, number>>();

  add(reporter: string, day: string, n: number): void {
    const days = this.#counts.get(reporter) ?? new Map<string, number>();
    days.set(day, (days.get(day) ?? 0) + n);
    this.#counts.set(reporter, days);
  }

  of(reporter: string, day: string): number {
    return this.#counts.get(reporter)?.get(day) ?? 0;
  }

  reporters(): string[] {
    return [...this.#counts.keys()].sort();
  }

  on(days: readonly string[], without?: string): number {
    let sum = 0;
    for (const [reporter, counts] of this.#counts) {
      if (reporter !== without) for (const day of days) sum += counts.get(day) ?? 0;
    }
    return sum;
  }
}

/** What is to be expected of some days. */
export interface Expectation {
  mean: number;
  /** Dispersion of the sum: its variance is mean + mean²/k. */
  k: number;
}

/** What a habit is made from. */
export interface Observed {
  attendance: Attendance;
  series: Series;
  /** The days of habit. */
  base: readonly string[];
  /** Dispersion where too few days are known to measure it (negative binomial k). */
  prior: number;
  /** Whether days that stand far out are left out. */
  robust: boolean;
  /**
   * The steadiest that it may be, whatever its days show (negative binomial k); absent: as steady as they
   * show.
   */
  steadiest?: number;
}

/**
 * A habit: for each reporter its mean on weekdays and on weekends, over the days of habit on which it
 * reported; one that reports now and then has its silent days counted as days with nothing. So what is
 * expected of a day is the sum over the reporters that reported on it: who is silent or new changes
 * expectation and observation alike. Who is late and still awaited is expected in full, so that what is too
 * much already can only become more when it reports: nothing is reported on a day that its late reports would
 * withdraw.
 *
 * Days that stand far out (an incident of last week) are left out, unless there are several stretches of
 * them: then that is the habit.
 */
export class Habit {
  readonly #attendance: Attendance;
  readonly #series: Series;
  readonly #regular = new Set<string>();
  readonly #reporters: string[];
  #means = new Map<string, { week: number; weekend: number }>();
  readonly #steadiest: number;
  #k: number;

  constructor({ attendance, series, base, prior, robust, steadiest = Number.POSITIVE_INFINITY }: Observed) {
    this.#steadiest = steadiest;
    this.#attendance = attendance;
    this.#series = series;
    this.#reporters = series.reporters();
    this.#k = prior;
    for (const reporter of this.#reporters) if (attendance.isRegular(reporter, base)) this.#regular.add(reporter);
    let kept = base;
    if (robust && base.length >= 7) {
      // The quieter half of the days gives a first level that no incident of less than half of them can move.
      const totals = base.map((day) => series.on([day])).sort((a, b) => a - b);
      const half = totals.slice(0, Math.ceil(totals.length * 0.6));
      const level = (half.reduce((a, b) => a + b, 0) / half.length) * 1.6 + 0.5;
      kept = this.#ordinary(base, () => level, prior);
    }
    this.#fit(kept, prior);
    if (robust && kept.length >= 7) {
      this.#fit(
        this.#ordinary(base, (day) => Math.max(0.5, this.#expect([day], undefined, false).mean), this.#k),
        prior,
      );
    }
  }

  /** Messages on an ordinary day, all reporters together. */
  get usual(): number {
    let sum = 0;
    for (const { week, weekend } of this.#means.values()) sum += (5 * week + 2 * weekend) / 7;
    return sum;
  }

  /** What a weekend day brings as part of a weekday, all reporters together; 1 where nothing is known. */
  get weekend(): number {
    const means = [...this.#means.values()];
    const week = means.reduce((n, one) => n + one.week, 0);
    return week === 0 ? 1 : means.reduce((n, one) => n + one.weekend, 0) / week;
  }

  /** @param without a reporter to leave out */
  expected(days: readonly string[], without?: string): Expectation {
    return this.#expect(days, without, true);
  }

  #expect(days: readonly string[], without: string | undefined, late: boolean): Expectation {
    let mean = 0;
    let squares = 0;
    for (const day of days) {
      let ofDay = 0;
      const awaited = late ? this.#attendance.awaited(day) : [];
      for (const reporter of this.#reporters) {
        const silent = !this.#attendance.spoke(reporter, day) && !awaited.includes(reporter);
        if (reporter === without || (this.#regular.has(reporter) && silent)) continue;
        const means = this.#means.get(reporter);
        if (means) ofDay += isWeekend(day) ? means.weekend : means.week;
      }
      mean += ofDay;
      squares += ofDay * ofDay;
    }
    // Days of a burst come together, so that a sum of days is steadier than a day, but not as much as if they
    // were independent.
    return { mean, k: squares > 0 ? this.#k * Math.sqrt((mean * mean) / squares) : this.#k };
  }

  /** Of one reporter, as if it had reported on those days. */
  expectedOf(reporter: string, days: readonly string[]): Expectation {
    const means = this.#means.get(reporter) ?? { week: 0, weekend: 0 };
    const mean = days.reduce((n, day) => n + (isWeekend(day) ? means.weekend : means.week), 0);
    return { mean, k: this.#k };
  }

  #ordinary(base: readonly string[], level: (day: string) => number, k: number): readonly string[] {
    const out = new Set(base.filter((day) => countTail(this.#series.on([day]), level(day), k) < OUTLIER));
    const stretches = [...out].filter((day) => !out.has(addDays(day, -1)) && !out.has(addDays(day, -2))).length;
    return stretches >= RHYTHM ? base : base.filter((day) => !out.has(day));
  }

  #fit(days: readonly string[], prior: number): void {
    this.#means = new Map();
    const ratio = this.#weekendRatio(days);
    for (const reporter of this.#reporters) {
      const heard = this.#regular.has(reporter) ? days.filter((day) => this.#attendance.spoke(reporter, day)) : days;
      if (heard.length === 0) continue;
      const sum = { week: 0, weekend: 0 };
      const n = { week: 0, weekend: 0 };
      for (const day of heard) {
        const kind = isWeekend(day) ? 'weekend' : 'week';
        sum[kind] += this.#series.of(reporter, day);
        n[kind]++;
      }
      // One level in units of a weekday, from all days; each class starts from it.
      const level = (sum.week + sum.weekend) / (n.week + ratio * n.weekend);
      this.#means.set(reporter, {
        week: (sum.week + BORROWED * level) / (n.week + BORROWED),
        weekend: (sum.weekend + BORROWED * level * ratio) / (n.weekend + BORROWED),
      });
    }
    let squares = 0;
    let over = 0;
    for (const day of days) {
      const { mean } = this.#expect([day], undefined, false);
      squares += mean * mean;
      over += (this.#series.on([day]) - mean) ** 2 - mean;
    }
    const measured = squares > 0 ? Math.max(0, over / squares) : 1 / prior;
    const dispersion = (measured * days.length + PRIOR_DAYS / prior) / (days.length + PRIOR_DAYS);
    // A variance measured on n days is off by √(2/n) of itself: what chance allows is reckoned with as much
    // more.
    const k = 1 / Math.max(1e-4, dispersion * (1 + DOUBT * Math.sqrt(2 / (days.length + PRIOR_DAYS))));
    this.#k = Math.min(k, this.#steadiest);
  }

  /** What a weekend day brings as part of a weekday, over all reporters. */
  #weekendRatio(days: readonly string[]): number {
    const weekend = days.filter(isWeekend);
    const week = days.filter((day) => !isWeekend(day));
    if (weekend.length === 0 || week.length === 0) return 1;
    const a = this.#series.on(weekend) / weekend.length;
    const b = this.#series.on(week) / week.length;
    return (a + 0.5) / (b + 0.5);
  }
}
