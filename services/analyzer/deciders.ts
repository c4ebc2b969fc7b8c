import { addDays } from '../shared/days.ts';
import type { Tx } from '../shared/runtime/db.ts';
import { loadReporters, measureAgreement } from '../store/analysis/reporters.ts';
import { type Deciders, decidersOf, isOfAge, standingOf } from './standing.ts';

/** How far back to look for reporters on a domain; further only where nobody reported. */
export const REPORTING_DAYS = 60;
/** Before the first DMARC report. */
const EVER = '2012-01-01';

/**
 * Who decides what is said of the domain. Read in the transaction, after the work: what is committed later is
 * the next analysis'.
 */
export async function loadDeciders(tx: Tx, domain: string, day: string, windowDays: number): Promise<Deciders> {
  // A report that claims to be of the future must not push every true one out of the window.
  const tomorrow = addDays(day, 1);
  let facts = await loadReporters(tx, domain, addDays(tomorrow, -REPORTING_DAYS), tomorrow);
  let deciders = decidersOf(facts, day, windowDays);
  if (deciders.by === 'nobody') {
    facts = await loadReporters(tx, domain, EVER, tomorrow);
    deciders = decidersOf(facts, day, windowDays);
  }
  if (deciders.by !== 'known') return deciders;
  const aged = facts.filter((one) => standingOf(one, day) !== 'known' && isOfAge(one, day)).map((one) => one.reporter);
  const since = addDays(tomorrow, -REPORTING_DAYS);
  await measureAgreement(tx, domain, aged, { known: deciders.reporters, from: since, to: tomorrow, day });
  return deciders;
}
