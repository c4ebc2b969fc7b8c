import { traitsOf } from '../../findings/kinds/traits-of.ts';
import { addDays } from '../../shared/days.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';

/** A difference from what is declared counts a round later than what a record lost. */
const NEAR_DAYS = 2;

/**
 * Puts together what is wrong with one record: what it lost, or an error in it, is mailed, and that it is not
 * as declared is recorded with it. What was mailed before goes on.
 */
export function joinDrifts(candidates: readonly Candidate[], known: readonly KnownFinding[]): Candidate[] {
  const others = [...candidates, ...known.filter(({ state }) => state === 'open')].filter(({ kind }) => traitsOf(kind).ofRecord);
  return candidates.map((one) => {
    if (one.kind !== 'dns_drift') return one;
    if (
      known.some(({ kind, subject, state, heard }) => kind === one.kind && subject === one.subject && state === 'open' && heard)
    )
      return one;
    const near = ({ first_day: day }: { first_day: string }) =>
      day >= addDays(one.first_day, -NEAR_DAYS) && day <= addDays(one.first_day, NEAR_DAYS);
    return others.some((other) => other.subject === one.subject && near(other)) ? { ...one, quiet: true } : one;
  });
}
