import { transaction } from '../shared/db.ts';
import type { Context } from '../shared/service.ts';
import {
  loadDomainDays,
  loadNetworks,
  loadPolicyDays,
  loadSourceDays,
  newestReportDay,
  saveClasses,
  takeWork,
  tryLockDomain,
} from '../store/analysis.ts';
import { loadNetworkFacts, saveIdentities } from '../store/enrichment.ts';
import { loadFindings, openFindings, reopenFindings, updateFindings, type WrittenEvent } from '../store/findings.ts';
import { loadSenderList } from '../store/senders.ts';
import { loadForged } from '../store/trust.ts';
import { isNetwork } from './identity.ts';
import { judge } from './judge.ts';
import { DOMAIN_DAYS } from './rules/silence.ts';
import { UNAUTHORIZED_DAYS } from './rules/unauthorized_source.ts';
import { catalogueOf } from './senders.ts';
import { addDays } from './window.ts';

/** Sources judged in one transaction: bounds its memory and how long it holds its locks. */
const SOURCES_AT_ONCE = 500;
/** Networks told one by one to the rule; the rest of a botnet is counted. */
const NETWORKS = 1000;
/** Days of senders of forged reports told one by one: a flood is one finding a reporter, and needs no more to be seen. */
const FORGED_DAYS = 2000;
const ALERT_BATCH = 500;

export interface Analysis {
  /** `busy`: another analyzer has the domain. `idle`: no work waits. `more`: judged in part, more work waits. */
  outcome: 'busy' | 'idle' | 'done' | 'more';
  sources: number;
  events: WrittenEvent[];
}

/** Does all work of a domain that waits, in as many transactions as it takes; stops between two when asked to. */
export async function analyzeDomain(context: Context, domain: string, signal?: AbortSignal): Promise<Analysis> {
  const all: Analysis = { outcome: 'idle', sources: 0, events: [] };
  do {
    const part = await analyzePart(context, domain);
    all.outcome = part.outcome;
    all.sources += part.sources;
    all.events.push(...part.events);
    await tell(context, part.events);
  } while (all.outcome === 'more' && !signal?.aborted);
  return all;
}

/**
 * One transaction: takes waiting work, reads the window of the sources it names, judges, and writes classes, findings and events.
 * Rolled back as a whole, so the work waits again.
 */
async function analyzePart(context: Context, domain: string): Promise<Analysis> {
  const { window_days, quiet_after_days } = context.config.analyzer;
  return transaction(context.db, async (tx): Promise<Analysis> => {
    if (!(await tryLockDomain(tx, domain))) return { outcome: 'busy', sources: 0, events: [] };
    const work = await takeWork(tx, domain, SOURCES_AT_ONCE);
    if (work.rows === 0) return { outcome: 'idle', sources: 0, events: [] };
    const outcome = work.more ? 'more' : 'done';

    const now = context.clock.now();
    const tomorrow = addDays(now.toISOString().slice(0, 10), 1);
    // Null when nothing is trusted yet: the domain is judged all the same, by what is forged in its name.
    const today = (await newestReportDay(tx, domain, tomorrow)) ?? now.toISOString().slice(0, 10);
    const from = addDays(today, 1 - window_days);

    const rows = await loadSourceDays(tx, domain, work.sources, from, today);
    const domainDays = await loadDomainDays(tx, domain, from, today, DOMAIN_DAYS);
    const policyDays = await loadPolicyDays(tx, domain, from, today);
    const { forged, genuine } = await loadForged(
      tx,
      domain,
      addDays(now.toISOString().slice(0, 10), 1 - window_days),
      FORGED_DAYS,
    );
    const reporters = [...new Set(forged.map((f) => f.reporter))];
    const known = await loadFindings(tx, domain, [domain, ...work.sources, ...reporters]);
    const recent = domainDays.slice(0, UNAUTHORIZED_DAYS).map((day) => day.day);
    const networks = work.more ? null : await loadNetworks(tx, domain, recent, NETWORKS);

    const judgement = judge({
      domain,
      from,
      today,
      now,
      quietAfterDays: quiet_after_days,
      sources: work.sources,
      rows,
      domainDays,
      policyDays,
      known,
      networks,
      facts: await loadNetworkFacts(tx, domain, work.sources.filter(isNetwork)),
      forged,
      genuine,
      catalogue: catalogueOf(context.config),
      senderList: await loadSenderList(tx, domain, now),
    });
    await saveClasses(tx, domain, now, judgement.classes);
    await saveIdentities(tx, domain, judgement.identities);
    const changed = await updateFindings(tx, now, judgement.updated);
    const reopened = await reopenFindings(tx, now, judgement.reopened);
    const opened = await openFindings(tx, domain, now, judgement.opened);
    return { outcome, sources: work.sources.length, events: [...changed, ...reopened, ...opened] };
  });
}

/** Wakes the alerter. The events are committed: should the queue not take the job, the alerter's sweeper finds them. */
async function tell(context: Context, events: readonly WrittenEvent[]): Promise<void> {
  for (const { kind, event } of events) context.metrics.findings.inc({ kind, event });
  const keys = [...new Set(events.filter((e) => e.notify).map((e) => e.finding_key))].sort((a, b) => a - b);
  for (let i = 0; i < keys.length; i += ALERT_BATCH) {
    await context.queues.add('alert', { findings: keys.slice(i, i + ALERT_BATCH) });
  }
}
