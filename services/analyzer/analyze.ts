import type { Evidence } from '../findings/evidence.ts';
import { isKnown, labelOf } from '../report/reporters/reporters.ts';
import { addDays, dayOf } from '../shared/days.ts';
import { type Tx, transaction } from '../shared/runtime/db.ts';
import type { Context } from '../shared/runtime/service.ts';
import type { Counted } from '../store/analysis/counted.ts';
import { loadForged } from '../store/analysis/forged-reports.ts';
import {
  loadReporterNames,
  loadReporters,
  measureAgreement,
  noteArrivals,
  saveDomainReporters,
} from '../store/analysis/reporters.ts';
import { type Keys, loadBorrowed, loadFailedChecks } from '../store/analysis/signatures.ts';
import {
  loadClassVolumes,
  loadFirstSeen,
  loadNetworks,
  loadPolicyDays,
  loadReporterDays,
  loadSourceDays,
  type Networks,
  type ReporterDay,
  type SourceDay,
  saveClasses,
} from '../store/analysis/window-reads.ts';
import { dropWork, isUrgent, takeWork } from '../store/analysis/work.ts';
import { isOwn, loadConfirmation } from '../store/domains/domains.ts';
import {
  type KnownFinding,
  loadFindings,
  openFindings,
  quietBelow,
  reopenFindings,
  updateFindings,
  type WrittenEvent,
} from '../store/findings/findings.ts';
import { tryLockDomain } from '../store/locks.ts';
import { loadSubdomainNames, loadSubdomainNamesOf, type SubdomainNames } from '../store/rollups/subdomain-days.ts';
import { loadNetworkFacts, type NetworkFacts, saveIdentities } from '../store/sources/identities.ts';
import { loadSenderList } from '../store/sources/sender-list.ts';
import { type DomainData, domainDaysOf, evaluate, evaluateReadiness, examineSources, type Others } from './evaluate.ts';
import { type FindingChanges, REOPEN_DAYS } from './lifecycle.ts';
import { CAUSES } from './rules/broken_senders.ts';
import { HISTORY, LEAST as LEAST_SIGNED, NEWS, SPF_STRAY } from './rules/new_source.ts';
import { READY_DAYS } from './rules/policy_ready.ts';
import { UNAUTHORIZED_DAYS } from './rules/unauthorized_source.ts';
import { catalogueOf } from './senders/load.ts';
import { mayForward } from './sources/classes.ts';
import { isNetwork } from './sources/identity.ts';
import { KeysOfDomain } from './sources/keys.ts';
import { countedOf, type Deciders, decidersOf, isOfAge, standingOf } from './standing.ts';
import { openOf, total } from './window.ts';

/** Sources evaluated in one transaction: bounds its memory and how long it holds its locks. */
const SOURCES_AT_ONCE = 500;
/** Networks given to the rule one by one; the rest of a botnet is counted. */
const NETWORKS = 1000;
/** Names below the domain listed one by one; the rest of a flood of invented ones is counted. */
const NAMES = 200;
const NO_KEYS: ReadonlyMap<string, Keys> = new Map();
const NO_NAMES: SubdomainNames = { largest: [], names: 0 };
/**
 * Days of senders of forged reports read one by one: a flood is one finding per reporter, and this many
 * suffice to see it.
 */
const FORGED_DAYS = 2000;
const ALERT_BATCH = 500;
/** So far back it is looked who reports on a domain; further only where nobody did. */
const REPORTING_DAYS = 60;
/** Before the first DMARC report. */
const EVER = '2012-01-01';
/** Of so many new sources it is asked whose key they sign with. */
const FRESH_SOURCES = 20;

/**
 * Findings that rest on the word of who decides nothing, and how many of them the names below an own domain
 * have at a time.
 */
const QUIET_KINDS = ['unconfirmed_report', 'forged_report'];
const QUIET_BELOW = 3;

export interface Analysis {
  /**
   * `busy`: another analyzer has the domain. `idle`: no work waits. `more`: evaluated in part, more work
   * waits.
   */
  outcome: 'busy' | 'idle' | 'done' | 'more';
  sources: number;
  events: WrittenEvent[];
}

/** While a domain has more work than one part, what is urgent is looked at again so often. */
const URGENT_EVERY_MS = 15_000;
/** The networks whose own mail is looked at for that: one that broke is no stranger. */
const URGENT_NETWORKS = 200;
const URGENT_KINDS = new Set(['unauthorized_source', 'subdomain_abuse']);

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
    await tell(context, part.events);
    if (part.outcome === 'more' && performance.now() - looked > URGENT_EVERY_MS) {
      all.events.push(...(await alarmUrgent(context, domain)));
      looked = performance.now();
    }
  } while (all.outcome === 'more' && !signal?.aborted && performance.now() - begun < turnMs);
  return all;
}

/**
 * Raises the critical alarms of a domain while most of its work still waits: mail that nothing authenticates
 * and that was delivered, in numbers. Takes no work and resolves nothing, so that all of it is evaluated
 * again as a whole. A domain that was never analysed is left alone: the weeks of a first import are evaluated
 * as a whole.
 */
export async function alarmUrgent(context: Context, domain: string): Promise<WrittenEvent[]> {
  const events = await transaction(context.db, async (tx): Promise<WrittenEvent[]> => {
    if (!(await tryLockDomain(tx, domain)) || !(await isOwn(tx, domain)) || !(await isUrgent(tx, domain))) return [];
    const { given, networks } = await loadCase(tx, context, domain, { named: null, whole: true, keys: new KeysOfDomain(domain) });
    if (networks === null) return [];
    const changes = evaluate(given, examineSources(given));
    const kindOf = new Map(given.known.map((finding) => [finding.finding_key, finding.kind]));
    return write(tx, domain, given.now, {
      opened: changes.opened.filter((one) => isCritical(one.kind, one)),
      reopened: changes.reopened.filter((one) => isCritical(kindOf.get(one.finding_key), one)),
      updated: changes.updated.filter((one) => one.event === 'changed' && isCritical(kindOf.get(one.finding_key), one)),
    });
  });
  await tell(context, events);
  return events;
}

const isCritical = (kind: string | undefined, { severity }: { severity: string }) =>
  severity === 'critical' && kind !== undefined && URGENT_KINDS.has(kind);

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
    // Few domains have any, and only then records are read: they name what broke.
    const { failing } = examined.senders;
    const checks = failing.length > 0 ? await loadFailedChecks(tx, domain, failing, counted.reporters) : [];
    await saveClasses(tx, domain, now, examined.classes);
    await saveIdentities(tx, domain, examined.identities);
    const events = await write(tx, domain, now, await withoutCrowd(tx, domain, evaluate(given, examined, checks)));
    if (work.whole) {
      const volumes = await loadClassVolumes(tx, domain, { from: addDays(today, 1 - READY_DAYS), to: today, counted });
      const all = await loadFindings(tx, domain, [domain], today);
      events.push(...(await write(tx, domain, now, evaluateReadiness(given, all, volumes))));
      await saveDomainReporters(tx, domain, deciders.all);
    }
    return { outcome, sources: work.sources.length, events };
  });
}

/**
 * Reads what the evaluation of a domain needs.
 * @param given `named`: the sources to be evaluated; null: the largest of those whose mail nothing authenticates.
 * `whole`: the domain as a whole is evaluated too
 */
async function loadCase(
  tx: Tx,
  context: Context,
  domain: string,
  { named, whole, keys }: { named: readonly string[] | null; whole: boolean; keys: KeysOfDomain },
): Promise<{ given: DomainData; deciders: Deciders; counted: Counted; networks: Networks | null }> {
  const { window_days, quiet_after_days, false_alarms_per_month } = context.config.analyzer;
  const now = context.clock.now();
  const day = dayOf(now);
  const deciders = await whoDecides(tx, domain, day, window_days);
  // Null when nobody decides: the domain is evaluated anyway, by what is forged in its name.
  const today = deciders.today ?? day;
  const from = addDays(today, 1 - window_days);
  const counted = countedOf(deciders, from, today);
  const recent = addDays(today, 1 - UNAUTHORIZED_DAYS);
  const networks = whole ? await loadNetworks(tx, domain, { from, recent, to: today, counted }, NETWORKS) : null;
  const sources = named ?? networks?.largest.slice(0, URGENT_NETWORKS).map(({ source }) => source) ?? [];

  const rows = await loadSourceDays(tx, domain, sources, { from, to: today, counted });
  const { reporterDays, sources: testedSources, newcomers } = await loadReporterDays(tx, domain, { from, to: today, counted });
  const policyDays = await loadPolicyDays(tx, domain, { from, to: today, counted });
  const { forged, genuine } = await loadForged(tx, domain, addDays(dayOf(now), 1 - window_days), FORGED_DAYS);
  const reporters = [...new Set([...forged, ...reporterDays].map((f) => f.reporter))];
  const subjects = [domain, ...CAUSES, ...sources, ...reporters];
  const known = await loadFindings(tx, domain, subjects, addDays(today, -REOPEN_DAYS - window_days));

  const firstSeen = await loadFirstSeen(tx, domain, sources, counted);
  // Where nothing can be new yet, whose key it is need not be asked.
  const longKnown = (reporterDays[0]?.day ?? today) <= addDays(today, -HISTORY);
  // A selector is one reporter's word: where none decides alone it is nobody's.
  const tellers = counted.votes > 1 ? [] : counted.reporters;
  const fresh = longKnown ? freshSigners(rows, firstSeen, known, addDays(today, 1 - NEWS)) : [];
  const given: DomainData = {
    domain,
    from,
    today,
    now,
    quietAfterDays: quiet_after_days,
    falseAlarmsPerMonth: false_alarms_per_month,
    sources,
    rows,
    reporterDays,
    byKnown: deciders.by === 'known',
    testedSources,
    newcomers,
    firstSeen,
    borrowed: await loadBorrowed(tx, domain, fresh, { from: addDays(today, 1 - NEWS), reporters: tellers }),
    keys: anyMayForward(rows, reporterDays) ? await keys.load(tx, from, tellers) : NO_KEYS,
    policyDays,
    known,
    networks,
    names:
      networks && comesFromBelow(networks)
        ? await namesBelow(tx, domain, counted, { all: deciders.others.length === 0, recent })
        : NO_NAMES,
    // What is urgent is the deciders' alone.
    others: whole && named !== null ? await loadOthers(tx, domain, deciders, window_days) : null,
    facts: bySayOf(deciders, rows, await loadNetworkFacts(tx, domain, sources.filter(isNetwork))),
    forged,
    genuine,
    catalogue: catalogueOf(context.config),
    senderList: await loadSenderList(tx, domain, now),
    confirmation: await loadConfirmation(tx, domain),
  };
  return { given, deciders, counted, networks };
}

/**
 * Who decides what is said of the domain. Read in the transaction, after the work: what is committed later is
 * the next analysis'.
 */
async function whoDecides(tx: Tx, domain: string, day: string, windowDays: number): Promise<Deciders> {
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

/**
 * Lifetime sums are not kept by reporter: where some have no say, the sums of the window are taken, of those
 * that have.
 */
function bySayOf({ others }: Deciders, rows: readonly SourceDay[], facts: readonly NetworkFacts[]): readonly NetworkFacts[] {
  if (others.length === 0) return facts;
  return facts.map((one) => {
    const { messages, passed } = total(rows.filter(({ source }) => source === one.source));
    return { ...one, messages, passed };
  });
}

/**
 * The names below the domain. The rollup of names is not kept by reporter, so it is used where all of them
 * decide.
 */
async function namesBelow(
  tx: Tx,
  domain: string,
  { from: since, to, reporters }: Counted,
  { all, recent }: { all: boolean; recent: string },
): Promise<SubdomainNames> {
  return all
    ? loadSubdomainNames(tx, domain, { from: recent, to }, NAMES)
    : loadSubdomainNamesOf(tx, domain, { reporters, since, from: recent, to }, NAMES);
}

/** What the other reporters report, up to their own newest day. */
async function loadOthers(
  tx: Tx,
  domain: string,
  { others, othersToday: today }: Deciders,
  windowDays: number,
): Promise<Others | null> {
  if (today === null) return null;
  const from = addDays(today, 1 - windowDays);
  const counted = { reporters: others.map(({ reporter }) => reporter), votes: 1, from, to: today };
  const { reporterDays } = await loadReporterDays(tx, domain, { from, to: today, counted });
  const recent = addDays(today, 1 - UNAUTHORIZED_DAYS);
  const networks = await loadNetworks(tx, domain, { from, recent, to: today, counted }, NETWORKS);
  return { reporters: others, from, today, reporterDays, networks };
}

function comesFromBelow({ largest, others_below }: Networks): boolean {
  return others_below.networks > 0 || largest.some(({ days }) => days.some((day) => day.below > 0));
}

/**
 * The sources that pass by a signature alone and may be new: first seen since a day, or reported as new. The
 * largest of them.
 */
function freshSigners(
  rows: readonly SourceDay[],
  firstSeen: ReadonlyMap<string, string>,
  known: readonly KnownFinding[],
  since: string,
): string[] {
  const sums = new Map<string, { signed: number; spf: number }>();
  for (const row of rows) {
    if ((firstSeen.get(row.source) ?? '') < since && !openOf(known, 'new_source', row.source)) continue;
    const sum = sums.get(row.source) ?? { signed: 0, spf: 0 };
    sum.signed += row.dkim_aligned;
    sum.spf += row.spf_aligned;
    sums.set(row.source, sum);
  }
  const signers = [...sums].filter(([, { signed, spf }]) => signed >= LEAST_SIGNED && spf <= SPF_STRAY * signed);
  return signers
    .sort(([a, n], [b, m]) => m.signed - n.signed || (a < b ? -1 : 1))
    .slice(0, FRESH_SOURCES)
    .map(([source]) => source);
}

/** Whether one of the sources may be a forwarder: then it is asked whose keys they sign with. */
function anyMayForward(rows: readonly SourceDay[], reporterDays: readonly ReporterDay[]): boolean {
  const domainDays = domainDaysOf(reporterDays, false);
  const rowsOf = new Map<string, SourceDay[]>();
  for (const row of rows) {
    const own = rowsOf.get(row.source);
    if (own) own.push(row);
    else rowsOf.set(row.source, [row]);
  }
  return [...rowsOf.values()].some((own) => mayForward(own, domainDays));
}

/**
 * Names below an own domain can be invented without end, and each would have its own findings by the word of
 * who decides nothing: a few represent all.
 */
async function withoutCrowd(tx: Tx, domain: string, outcome: FindingChanges): Promise<FindingChanges> {
  if (!outcome.opened.some(({ quiet }) => quiet)) return outcome;
  if ((await quietBelow(tx, domain, QUIET_KINDS)) < QUIET_BELOW) return outcome;
  return { ...outcome, opened: outcome.opened.filter(({ quiet }) => !quiet) };
}

async function write(tx: Tx, domain: string, now: Date, { updated, reopened, opened }: FindingChanges): Promise<WrittenEvent[]> {
  await nameReporters(tx, domain, now, [...updated, ...reopened, ...opened]);
  return [
    ...(await updateFindings(tx, domain, now, updated)),
    ...(await reopenFindings(tx, domain, now, reopened)),
    ...(await openFindings(tx, domain, now, opened)),
  ];
}

/**
 * Puts beside each reporter's key what it calls itself. Anybody can choose any name, so it is never shown
 * without the domain that was proven.
 */
async function nameReporters(tx: Tx, domain: string, now: Date, told: readonly { evidence?: Evidence | null }[]): Promise<void> {
  const evidences = told.flatMap(({ evidence }) => evidence ?? []);
  const unknown = (evidence: Evidence) => [...evidence.reporters, ...(evidence.missing ?? [])].filter((key) => !isKnown(key));
  const keys = [...new Set(evidences.flatMap(unknown))];
  const since = addDays(dayOf(now), -REPORTING_DAYS);
  const names = await loadReporterNames(tx, domain, keys, since);
  for (const evidence of evidences) {
    const labels = unknown(evidence).flatMap((key) => (names.has(key) ? [[key, labelOf(names.get(key)!, key)] as const] : []));
    if (labels.length > 0) evidence.reporter_names = Object.fromEntries(labels);
  }
}

/**
 * Wakes the alerter. The events are committed: should the queue not take the job, the alerter's sweeper finds
 * them.
 */
async function tell(context: Context, events: readonly WrittenEvent[]): Promise<void> {
  for (const { kind, event } of events) context.metrics.findings.inc({ kind, event });
  const keys = [...new Set(events.filter((e) => e.notify).map((e) => e.finding_key))].sort((a, b) => a - b);
  for (let i = 0; i < keys.length; i += ALERT_BATCH) {
    await context.queues.add('alert', { findings: keys.slice(i, i + ALERT_BATCH) });
  }
}
