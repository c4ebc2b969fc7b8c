import { addDays, dayOf } from '../shared/days.ts';
import { transaction } from '../shared/runtime/db.ts';
import type { Context } from '../shared/runtime/service.ts';
import { noteArrivals, saveDomainReporters } from '../store/analysis/reporters.ts';
import { loadFailedChecks } from '../store/analysis/signatures.ts';
import { saveClasses } from '../store/analysis/window-reads.ts';
import { dropWork, takeWork } from '../store/analysis/work.ts';
import { isOwn } from '../store/domains/domains.ts';
import { loadFindings, type WrittenEvent } from '../store/findings/findings.ts';
import { tryLockDomain } from '../store/locks.ts';
import { moveClassDays } from '../store/rollups/class-days.ts';
import { saveIdentities } from '../store/sources/identities.ts';
import { REPORTING_DAYS } from './deciders.ts';
import { evaluate } from './evaluate.ts';
import { evaluateReadiness } from './evaluate-readiness.ts';
import { examineSources, examineTogether } from './examine-sources.ts';
import { REOPEN_DAYS } from './lifecycle.ts';
import { loadCase } from './load.ts';
import { waitsSince } from './load-identities.ts';
import { writePosture } from './posture.ts';
import { saveChanges, wakeAlerter, withoutCrowd } from './save.ts';
import { loadJudged } from './senders/judged.ts';
import { KeysOfDomain } from './sources/keys.ts';
import { alarmUrgent, URGENT_BETWEEN_PARTS_MS } from './urgent.ts';

/** Sources evaluated in one transaction: bounds its memory and how long it holds its locks. */
const SOURCES_AT_ONCE = 500;

export interface Analysis {
  /**
   * `busy`: another analyzer has the domain. `idle`: no work waits. `more`: evaluated in part, more work
   * waits.
   */
  outcome: 'busy' | 'idle' | 'done' | 'more';
  sources: number;
  events: WrittenEvent[];
}

/**
 * Does all work of a domain that waits, in as many transactions as it takes; stops between two when asked to,
 * or when its turn is over. A critical alarm does not wait for the last of them.
 * @param turnMs after so long the outcome is `more`, and other domains have their turn
 */
export async function analyzeDomain(
  context: Context,
  domain: string,
  signal?: AbortSignal,
  turnMs = Number.POSITIVE_INFINITY,
): Promise<Analysis> {
  const all: Analysis = { outcome: 'idle', sources: 0, events: [] };
  const begun = performance.now();
  let looked = Number.NEGATIVE_INFINITY;
  const keys = new KeysOfDomain(domain);
  // By itself, so that what many domains have in common is held for a moment only.
  await noteArrivals(context.db, domain, addDays(dayOf(context.clock.now()), -REPORTING_DAYS));
  do {
    const part = await analyzePart(context, domain, keys);
    all.outcome = part.outcome;
    all.sources += part.sources;
    all.events.push(...part.events);
    await wakeAlerter(context, part.events);
    if (part.outcome === 'more' && performance.now() - looked > URGENT_BETWEEN_PARTS_MS) {
      all.events.push(...(await alarmUrgent(context, domain)));
      looked = performance.now();
    }
  } while (all.outcome === 'more' && !signal?.aborted && performance.now() - begun < turnMs);
  return all;
}

/**
 * One transaction: takes waiting work, reads the window of the sources it names, evaluates it, and writes
 * classes, findings and events. Rolled back as a whole, so the work waits again.
 */
async function analyzePart(context: Context, domain: string, keys: KeysOfDomain): Promise<Analysis> {
  return transaction(context.db, async (tx): Promise<Analysis> => {
    if (!(await tryLockDomain(tx, domain))) return { outcome: 'busy', sources: 0, events: [] };
    if (!(await isOwn(tx, domain))) {
      // Noted while it was own, or by an older version.
      await dropWork(tx, domain);
      return { outcome: 'idle', sources: 0, events: [] };
    }
    const work = await takeWork(tx, domain, SOURCES_AT_ONCE);
    if (work.rows === 0) return { outcome: 'idle', sources: 0, events: [] };
    const outcome = work.more ? 'more' : 'done';
    const { given, deciders, counted } = await loadCase(tx, context, domain, { named: work.sources, whole: work.whole, keys });
    const { now, today } = given;
    const examined = examineSources(given);
    const changed = await saveClasses(tx, domain, now, examined.classes);
    await saveIdentities(tx, domain, examined.identities);
    await moveClassDays(tx, domain, changed);
    const since = addDays(today, -REOPEN_DAYS - context.config.analyzer.window_days);
    const judged = work.whole
      ? { ...given, ...(await loadJudged(tx, given, counted, { since, examined: waitsSince(context) })) }
      : given;
    examineTogether(judged, examined);
    // Few domains have any, and only then records are read: they name what broke.
    const { failing } = examined.senders;
    const checks = failing.length > 0 ? await loadFailedChecks(tx, domain, failing, counted.reporters) : [];
    const events = await saveChanges(tx, domain, now, await withoutCrowd(tx, domain, evaluate(judged, examined, checks)));
    if (work.whole) {
      await saveDomainReporters(tx, domain, deciders.all);
      const standpoint = await writePosture(tx, context, given);
      const all = await loadFindings(tx, domain, [domain], today);
      events.push(...(await saveChanges(tx, domain, now, evaluateReadiness(given, all, standpoint))));
    }
    return { outcome, sources: work.sources.length, events };
  });
}
