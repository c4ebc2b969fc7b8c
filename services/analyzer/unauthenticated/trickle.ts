import { addDays } from '../../shared/days.ts';
import type { DomainWindow } from '../rules/window.ts';
import { Habit, Series } from '../statistics/habit.ts';
import type { Concerned } from './networks.ts';
import { backgroundOf, type Part, UNAUTHORIZED_DAYS } from './part.ts';

/**
 * Every day by itself and the sums of three and of seven that end with it: of all networks together and of
 * each alone.
 */
const SUMS = [1, 3, 7];
/** Tests of a domain: of all networks together, and of each alone. */
export const TESTS = 2 * SUMS.length;
/**
 * Before anything is known of a domain: so many messages a day, worth so many days; and how bursty forged
 * mail is.
 */
const PRIOR_MEAN = 1.5;
const PRIOR_DAYS = 3;
const PRIOR_K = 1.5;
/**
 * Forged mail comes in waves: four calm weeks do not make it steadier than that. And the level of the weeks
 * before is known as well as their days show it, and drifts: the squared error of it, as a part.
 */
const STEADIEST_K = 1.5;
const DRIFT = 0.1;
/** Messages a network sends in a day, before anything is known; worth so many networks. */
const PRIOR_CLUSTER = 1.5;
const PRIOR_CLUSTERS = 5;

/** The unauthenticated mail that is habit. */
export interface Trickle {
  /** Messages a day. */
  usual: number;
  /** Messages a network sends in a day, on the mean. */
  cluster: number;
  expected(days: readonly string[]): { mean: number; k: number };
}

/**
 * The spans of days that are tested; the longest only as it ends today, for what was before it is not loaded.
 */
export function spansOf(days: readonly string[]): string[][] {
  return SUMS.flatMap((n) =>
    days.map((_, i) => days.slice(Math.max(0, i + 1 - n), i + 1)).slice(n === UNAUTHORIZED_DAYS ? -1 : 0),
  );
}

/**
 * What habit each span is held against, by its last day: that of the days before the week that it ends. An
 * open finding keeps its own.
 */
export function habitsOf(
  window: DomainWindow,
  part: Part,
  open: { until: string; usual: number | null } | null,
): (last: string) => Trickle {
  const habits = new Map<string, Trickle>();
  return (last) => {
    const until = open?.until ?? addDays(last, 1 - UNAUTHORIZED_DAYS);
    const habit = habits.get(until) ?? habitOf(window, part, until, open?.usual ?? null);
    habits.set(until, habit);
    return habit;
  };
}

/**
 * The habit of the days before `until`, drawn to a prior where few are known.
 * @param stored what was usual when the open finding began, for when those days have left the window
 */
function habitOf(window: DomainWindow, part: Part, until: string, stored: number | null): Trickle {
  const base = window.attendance.habitBefore(until);
  const series = new Series();
  let messages = 0;
  let networks = 0;
  const inBase = new Set(base);
  for (const row of window.reporterDays) {
    const background = backgroundOf(row, part);
    if (background.messages === 0 || !inBase.has(row.day)) continue;
    series.add(row.reporter, row.day, background.messages);
    messages += background.messages;
    networks += background.networks;
  }
  const cluster = (messages + PRIOR_CLUSTERS * PRIOR_CLUSTER) / (networks + PRIOR_CLUSTERS);
  if (stored !== null && base.length < UNAUTHORIZED_DAYS) {
    return { usual: stored, cluster, expected: (days) => ({ mean: Math.max(0.1, stored) * days.length, k: PRIOR_K }) };
  }
  const habit = new Habit({ attendance: window.attendance, series, base, prior: PRIOR_K, robust: true, steadiest: STEADIEST_K });
  const known = base.length / (base.length + PRIOR_DAYS);
  const drawn = (mean: number, days: number) => mean * known + days * PRIOR_MEAN * (1 - known);
  return {
    usual: drawn(habit.usual, 1),
    cluster,
    expected: (days) => {
      const { mean, k } = habit.expected(days);
      const expected = Math.max(0.1, drawn(mean, days.length));
      const level = (days.length / expected + 1 / STEADIEST_K) / (base.length + PRIOR_DAYS) + DRIFT;
      return { mean: expected, k: 1 / (1 / k + level) };
    },
  };
}

/**
 * How unlikely it is that any network of the trickle sends as much as this one, on a day or over several. How
 * much one sends is geometric with the mean `cluster`; as many networks are in it as the trickle brings.
 */
export function clusterChance(
  one: Concerned,
  spans: readonly (readonly string[])[],
  habitOn: (last: string) => Trickle,
  least: number,
): number {
  let chance = 1;
  for (const some of spans) {
    const sent = one.days.reduce((sum, { day, failed }) => sum + (some.includes(day) ? failed : 0), 0);
    const beyond = Math.floor(sent - 2 * one.own * some.length);
    if (beyond < least) continue;
    const habit = habitOn(some.at(-1)!);
    const networks = Math.max(1, habit.expected(some).mean / habit.cluster);
    chance = Math.min(chance, networks * (1 - 1 / habit.cluster) ** (beyond - 1));
  }
  return chance;
}
