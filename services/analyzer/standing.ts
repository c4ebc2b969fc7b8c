import { isKnown } from '../report/reporters/reporters.ts';
import { addDays } from '../shared/days.ts';
import { type Counted, QUORUM } from '../store/analysis/counted.ts';
import type { DomainReporter, ReporterFacts } from '../store/analysis/reporters.ts';

export { QUORUM };
export type Standing = DomainReporter['standing'];

/** An established reporter: days since its first verified report arrived, and days on which one arrived. */
export const ESTABLISHED_AGE = 28;
export const ESTABLISHED_ARRIVALS = 10;
/**
 * Of the sources that known reporters report too, it may contradict them about this share: receivers do see
 * forwarders differently.
 */
export const CONTRADICTED = 0.1;
const RANK: readonly Standing[] = ['known', 'established', 'new'];
/** At most this many reporters that decide nothing are listed. */
const OTHERS = 200;

/**
 * What a reporter's word is worth.
 *
 * - `known`: it is in the catalogue of reporters, and its mail is proven to be its own; or the operator
 *   vouches for it: nothing of it was ever verified, so its reports were imported by hand, or `trust.check`
 *   is off.
 * - `established`: anybody can be that. It has reported for four weeks by our clock, and says of sources what
 *   known reporters say of them.
 * - `new`: everybody else.
 *
 * @param now the day by our clock, YYYY-MM-DD
 */
export function standingOf(facts: ReporterFacts, now: string): Standing {
  if (!facts.proven || isKnown(facts.reporter)) return 'known';
  return isOfAge(facts, now) && facts.contradicted <= CONTRADICTED * (facts.agreed + facts.contradicted) ? 'established' : 'new';
}

/** Whether a reporter has been there long enough to be established, if it agrees. */
export function isOfAge({ first_arrived, arrival_days }: ReporterFacts, now: string): boolean {
  return first_arrived !== null && first_arrived <= addDays(now, -ESTABLISHED_AGE) && arrival_days >= ESTABLISHED_ARRIVALS;
}

/** Who decides about a domain. */
export interface Deciders {
  /**
   * `known`: known reporters, each by itself. `quorum`: QUORUM established ones together. `nobody`: nothing
   * can be decided.
   */
  by: 'known' | 'quorum' | 'nobody';
  reporters: string[];
  /** The newest day that they report on; null when there is none. */
  today: string | null;
  /** The others, whose word is kept apart, and their newest day. */
  others: { reporter: string; standing: Standing }[];
  othersToday: string | null;
  all: DomainReporter[];
}

/**
 * Determines whose reports decide about a domain: class, finding, severity, resolution, readiness, and what
 * day it is.
 *
 * Where a known reporter reports on the domain, known ones alone decide: an established one may be a patient
 * stranger with accomplices. Where none does, QUORUM established ones decide together, by heads. New ones
 * never decide.
 *
 * @param now the day by our clock
 * @param windowDays known reporters that said nothing for so long do not cover the domain any more
 */
export function decidersOf(facts: readonly ReporterFacts[], now: string, windowDays: number): Deciders {
  const told = facts.map((one) => ({ ...one, standing: standingOf(one, now) }));
  const newest = (days: readonly { last_day: string }[]) =>
    days
      .map((one) => one.last_day)
      .sort()
      .reverse();
  const known = told.filter((one) => one.standing === 'known');
  const established = told.filter((one) => one.standing === 'established');
  const knownDay = newest(known)[0] ?? null;
  // The day that QUORUM of them have reached: one alone does not move it.
  const quorumDay = newest(established)[QUORUM - 1] ?? null;
  const covered = knownDay !== null && (quorumDay === null || knownDay > addDays(quorumDay, -windowDays));
  const by = covered ? 'known' : quorumDay !== null ? 'quorum' : 'nobody';
  const deciding = new Set((by === 'known' ? known : by === 'quorum' ? established : []).map((one) => one.reporter));
  const others = told
    .filter((one) => !deciding.has(one.reporter))
    .sort((a, b) => RANK.indexOf(a.standing) - RANK.indexOf(b.standing) || (a.reporter < b.reporter ? -1 : 1))
    .slice(0, OTHERS);
  return {
    by,
    reporters: [...deciding],
    today: by === 'known' ? knownDay : quorumDay,
    others: others.map(({ reporter, standing }) => ({ reporter, standing })),
    othersToday: newest(others)[0] ?? null,
    all: told.map(({ reporter, standing }) => ({ reporter, standing, decides: deciding.has(reporter) })),
  };
}

/** Whose rows the loaders read. @param from,to the window */
export function countedOf({ by, reporters }: Pick<Deciders, 'by' | 'reporters'>, from: string, to: string): Counted {
  return { reporters, votes: by === 'quorum' ? QUORUM : 1, from, to };
}
