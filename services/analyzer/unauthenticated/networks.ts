import { addDays } from '../../shared/days.ts';
import type { Network, NetworkDay, Rest, RestDay } from '../../store/analysis/window-reads.ts';
import type { DomainWindow } from '../rules/window.ts';
import { UNAUTHORIZED_DAYS } from './part.ts';

/** Messages of some days, and how many of them were delivered. */
export interface Harm {
  messages: number;
  delivered: number;
}

/** A network's unauthenticated mail of the days looked at. */
export interface Concerned {
  source: string;
  days: NetworkDay[];
  /** What it used to send a day, such as a forwarder that breaks everything. */
  own: number;
}

/** A sender that broke fails with at most so many times what passed on a day before. */
const BROKEN = 4;

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
  const mean = (some: NetworkDay[], of: 'passed' | 'failed') => some.reduce((n, day) => n + day[of], 0) / some.length;
  const goodDays = good.length + network.before.days;
  const usual = goodDays === 0 ? 0 : (good.reduce((n, day) => n + day.passed, 0) + network.before.passed) / goodDays;
  const gone = usual > 0 && network.before.passed >= network.before.failed && mean(bad, 'passed') < usual / 3;
  // A sender that broke fails with what it used to send. What fails beyond that is somebody else's.
  if (gone && mean(bad, 'failed') <= BROKEN * usual) return [];
  return days.filter((day) => day.day >= bad[0]!.day && day.failed > 0);
}

/** Unauthenticated messages a day that the network used to send before the week looked at. */
export function ownOf(network: Network, window: DomainWindow): number {
  const base = window.attendance.habitBefore(addDays(window.today, 1 - UNAUTHORIZED_DAYS)).length;
  return base === 0 ? 0 : network.before.failed / base;
}

/** Unauthenticated messages of each day: of the networks listed one by one, and of those too many to list. */
export function totalsOf(concerned: readonly Concerned[], others: Rest): Map<string, Harm> {
  const totals = new Map<string, Harm>();
  for (const { day, failed, delivered } of [...concerned.flatMap((one) => one.days), ...others.days]) {
    const sum = totals.get(day) ?? { messages: 0, delivered: 0 };
    sum.messages += failed;
    sum.delivered += Math.min(failed, delivered);
    totals.set(day, sum);
  }
  return totals;
}

/** Sums of a network's days; `messages` are the unauthenticated ones. */
export function sumOf(days: readonly (RestDay & { passed?: number })[]) {
  const sum = { messages: 0, passed: 0, delivered: 0, quarantined: 0, rejected: 0 };
  for (const day of days) {
    sum.messages += day.failed;
    sum.passed += day.passed ?? 0;
    sum.delivered += Math.min(day.failed, day.delivered);
    sum.quarantined += Math.min(day.failed, day.quarantined);
    sum.rejected += Math.min(day.failed, day.rejected);
  }
  return sum;
}
