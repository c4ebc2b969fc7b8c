import { addDays } from '../../shared/days.ts';
import type { Network, NetworkDay } from '../../store/analysis/window-reads.ts';
import type { DomainWindow } from '../window.ts';
import { backgroundOf, othersOf, type Part, UNAUTHORIZED_DAYS } from './part.ts';

/** A network's unauthenticated mail of the days looked at. */
export interface Concerned {
  source: string;
  days: NetworkDay[];
  /** What it used to send a day, such as a forwarder that breaks everything. */
  own: number;
}

/** A network of a rise: the days concerned, and their sums. */
export type Told = { source: string; days: NetworkDay[] } & ReturnType<typeof sumOf>;

/**
 * The days since unauthenticated mail took the upper hand on a network; none when it never did, or when a
 * sender of ours broke.
 */
export function culpable(network: Network, settled: string): NetworkDay[] {
  const days = network.days.filter((day) => day.day > settled).sort((a, b) => (a.day < b.day ? -1 : 1));
  const bad = days.filter((day) => day.failed > day.passed);
  const good = days.filter((day) => day.passed >= day.failed && day.passed > 0);
  if (bad.length === 0) return [];
  const mean = (some: NetworkDay[]) => some.reduce((n, day) => n + day.passed, 0) / some.length;
  const goodDays = good.length + network.before.days;
  const usual = goodDays === 0 ? 0 : (good.reduce((n, day) => n + day.passed, 0) + network.before.passed) / goodDays;
  if (usual > 0 && network.before.passed >= network.before.failed && mean(bad) < usual / 3) return [];
  return days.filter((day) => day.day >= bad[0]!.day && day.failed > 0);
}

/** Unauthenticated messages a day that the network used to send before the week looked at. */
export function ownOf(network: Network, window: DomainWindow): number {
  const base = window.attendance.habitBefore(addDays(window.today, 1 - UNAUTHORIZED_DAYS)).length;
  return base === 0 ? 0 : network.before.failed / base;
}

/** Unauthenticated messages of each day: of the networks listed one by one, and of those too many to list. */
export function totalsOf(
  window: DomainWindow,
  part: Part,
  concerned: readonly Concerned[],
  days: readonly string[],
): Map<string, number> {
  const totals = new Map<string, number>();
  for (const one of concerned) for (const { day, failed } of one.days) totals.set(day, (totals.get(day) ?? 0) + failed);
  if (othersOf(window, part).failed === 0) return totals;
  // More networks than are listed: all that is unauthenticated counts.
  for (const day of days) {
    const all = window.reporterDays.reduce((n, row) => n + (row.day === day ? backgroundOf(row, part).messages : 0), 0);
    totals.set(day, Math.max(all, totals.get(day) ?? 0));
  }
  return totals;
}

/** Sums of a network's days; `messages` are the unauthenticated ones. */
export function sumOf(days: readonly NetworkDay[]) {
  const sum = { messages: 0, passed: 0, delivered: 0, quarantined: 0, rejected: 0 };
  for (const day of days) {
    sum.messages += day.failed;
    sum.passed += day.passed;
    sum.delivered += Math.min(day.failed, day.delivered);
    sum.quarantined += Math.min(day.failed, day.quarantined);
    sum.rejected += Math.min(day.failed, day.rejected);
  }
  return sum;
}
