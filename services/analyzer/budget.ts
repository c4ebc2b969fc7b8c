/** Days of a month, for the budget. */
const MONTH = 30;
/** Kinds of finding that rest on a test of significance and share the budget alike. */
const TESTED_KINDS = 7;

/**
 * How unlikely a count must be to alarm. The user grants each domain so many false alarms a month; that is 1/30 of it a day, an equal part of
 * it for each kind, and of that an equal part for each test which the kind makes of the domain that day (Bonferroni: whatever the
 * tests have in common, together they are wrong no more often).
 *
 * @param perMonth `analyzer.false_alarms_per_month`
 * @param tests of one kind, of one domain, on one day
 */
export function levelOf(perMonth: number, tests: number): number {
  return perMonth / MONTH / TESTED_KINDS / Math.max(1, tests);
}
