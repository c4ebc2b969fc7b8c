/** Days of a month, for the budget. */
const MONTH = 30;

/** The false alarms that a user accepts. */
export interface Budget {
  /** For each domain and month: `analyzer.false_alarms_per_month`. */
  perMonth: number;
  /** How many kinds of finding share it. */
  kinds: number;
}

/**
 * How unlikely a count must be to alarm. A day has 1/30 of the month's budget, each kind has an equal part of
 * that, and each test that the kind makes of the domain on that day an equal part of that (Bonferroni:
 * whatever the tests have in common, together they are wrong no more often).
 *
 * @param tests of one kind, of one domain, on one day
 */
export function levelOf({ perMonth, kinds }: Budget, tests: number): number {
  return perMonth / MONTH / kinds / Math.max(1, tests);
}

/**
 * The same for a test that stays valid however often its subject is tested (Ville's inequality: under the
 * null hypothesis a likelihood ratio ever reaches 1/level with at most that probability), so that each
 * subject counts once and not every day.
 *
 * @param subjects of the kind, of one domain, in a month
 */
export function onceLevelOf({ perMonth, kinds }: Budget, subjects: number): number {
  return Math.min(0.5, perMonth / kinds / Math.max(1, subjects));
}
