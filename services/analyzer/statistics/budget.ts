/** Days of a month, for the budget. */
const MONTH = 30;
/**
 * Kinds of finding that rest on a test of significance and share the budget alike: unauthorized_source, subdomain_abuse,
 * authentication_regression, alignment_failure, new_source, volume_surge, reporter_silent, verdict_mismatch.
 */
const TESTED_KINDS = 8;

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

/**
 * The same for a test that stays right however often its subject is looked at (Ville's inequality: under the hypothesis, a likelihood ratio ever
 * reaches 1/level with no more than that chance), so that it is made once of each and not every day.
 *
 * @param perMonth `analyzer.false_alarms_per_month`
 * @param subjects of the kind, of one domain, in a month
 */
export function onceLevelOf(perMonth: number, subjects: number): number {
  return Math.min(0.5, perMonth / TESTED_KINDS / Math.max(1, subjects));
}
