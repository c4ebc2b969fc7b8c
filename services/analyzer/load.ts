import { rulesWith } from '../findings/kinds/traits-of.ts';
import { addDays, dayOf } from '../shared/days.ts';
import { groupBy } from '../shared/group-by.ts';
import type { Tx } from '../shared/runtime/db.ts';
import type { Context } from '../shared/runtime/service.ts';
import type { Counted } from '../store/analysis/counted.ts';
import { loadForged } from '../store/analysis/forged-reports.ts';
import { loadRelayed } from '../store/analysis/relayed.ts';
import { wasAnalyzed } from '../store/analysis/reporters.ts';
import { loadScatter } from '../store/analysis/scatter.ts';
import type { Keys } from '../store/analysis/signatures.ts';
import { loadSilence } from '../store/analysis/silences.ts';
import {
  loadFirstSeen,
  loadNetworks,
  loadPolicyDays,
  loadReporterDays,
  loadSourceDays,
  type Networks,
  type ReporterDay,
  type SourceDay,
} from '../store/analysis/window-reads.ts';
import { loadConfirmation } from '../store/domains/domains.ts';
import { loadExpected } from '../store/findings/feedback.ts';
import { loadFindings, loadToldElsewhere } from '../store/findings/findings.ts';
import { loadSubdomainNames, loadSubdomainNamesOf, type SubdomainNames } from '../store/rollups/subdomain-days.ts';
import { loadSenderList } from '../store/sources/sender-list.ts';
import { loadDeciders } from './deciders.ts';
import type { DomainData, Others } from './domain-data.ts';
import { domainDaysOf } from './domain-windows.ts';
import { REOPEN_DAYS } from './lifecycle.ts';
import { loadDenied } from './load-denied.ts';
import { loadIdentities, waitsSince } from './load-identities.ts';
import { loadWhole, namesIn } from './load-whole.ts';
import { LEAST as LEAST_FAILING } from './rules/alignment_failure.ts';
import { CAUSES } from './rules/broken_senders.ts';
import { DOMAIN_DAYS } from './rules/silence.ts';
import { lookup } from './senders/catalogue.ts';
import { catalogueOf } from './senders/load.ts';
import { mayCarryMix, mayForward } from './sources/classes.ts';
import { isOwnServer } from './sources/identity.ts';
import type { KeysOfDomain } from './sources/keys.ts';
import { carriesMix } from './sources/mix.ts';
import { isNetwork } from './sources/network.ts';
import { mayReturn } from './sources/returned.ts';
import { countedOf, type Deciders } from './standing.ts';
import { UNAUTHORIZED_DAYS } from './unauthenticated/part.ts';

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
/**
 * Networks whose own mail is read to decide about a critical alarm: a network whose mail stopped passing is a
 * sender that broke.
 */
const URGENT_NETWORKS = 200;

/**
 * Sources without mail in the window that are classified by what they sent before it, and how far that is
 * looked up.
 */
const GONE = 1000;
const PAST_DAYS = 366;

/**
 * Reads what the evaluation of a domain needs.
 * @param given `named`: the sources to be evaluated; null: the largest of those whose mail nothing
 *   authenticates. `whole`: the domain as a whole is evaluated too
 */
export async function loadCase(
  tx: Tx,
  context: Context,
  domain: string,
  { named, whole, keys }: { named: readonly string[] | null; whole: boolean; keys: KeysOfDomain },
): Promise<{ given: DomainData; deciders: Deciders; counted: Counted; networks: Networks | null }> {
  const { window_days, quiet_after_days, false_alarms_per_month } = context.config.analyzer;
  const catalogue = catalogueOf(context.config);
  const now = context.clock.now();
  const { deciders, counted, from, today, recent } = await loadWindow(tx, domain, dayOf(now), window_days);
  const window = { from, to: today, counted };
  const networks = whole ? await loadNetworks(tx, domain, { ...window, recent }, NETWORKS) : null;
  const sources = named ?? networks?.largest.slice(0, URGENT_NETWORKS).map(({ source }) => source) ?? [];

  const rows = await loadSourceDays(tx, domain, sources, window);
  const past = await loadPast(tx, domain, { sources, rows, from, counted });
  const { reporterDays, sources: testedSources, newcomers } = await loadReporterDays(tx, domain, window);
  const arrived = await loadForged(tx, domain, addDays(dayOf(now), 1 - window_days), FORGED_DAYS);
  const { inLogs, ...ofWhole } = whole
    ? await loadWhole(tx, context, domain, { from, today, counted, reporterDays })
    : { published: null, inLogs: [] };
  const reporters = [...arrived.forged, ...reporterDays].map(({ reporter }) => reporter);
  const subjects = new Set([domain, ...CAUSES, ...sources, ...reporters, ...namesIn(ofWhole), ...inLogs]);

  const identified = await loadIdentities(tx, context, domain, { deciders, sources, rows, networks, reporterDays, window });
  const given: DomainData = {
    domain,
    from,
    today,
    now,
    quietAfterDays: quiet_after_days,
    first: !(await wasAnalyzed(tx, domain, waitsSince(context))),
    falseAlarmsPerMonth: false_alarms_per_month,
    sources,
    rows,
    past,
    reporterDays,
    byKnown: deciders.by === 'known',
    testedSources,
    newcomers,
    ...(await loadAboutSources(tx, domain, { facts: identified.facts, rows, reporterDays, keys, catalogue }, window)),
    policyDays: await loadPolicyDays(tx, domain, window),
    known: await loadFindings(tx, domain, [...subjects], addDays(today, -REOPEN_DAYS - window_days)),
    networks,
    ...identified,
    names: await namesBelow(tx, domain, counted, { networks, all: deciders.others.length === 0, recent }),
    // What is urgent is the deciders' alone.
    others: whole && named !== null ? await loadOthers(tx, domain, deciders, window_days) : null,
    ...arrived,
    catalogue,
    ...(await loadBesideMail(tx, domain, now)),
    ...ofWhole,
  };
  given.denied = await loadDenied(tx, given, { counted, keys });
  return { given, deciders, counted, networks };
}

/** Who decides about the domain, the days that are looked at, and the reports of them that count. */
async function loadWindow(tx: Tx, domain: string, day: string, days: number) {
  const deciders = await loadDeciders(tx, domain, day, days);
  // Null when nobody decides: the domain is evaluated anyway, by what is forged in its name.
  const today = deciders.today ?? day;
  const from = addDays(today, 1 - days);
  const counted = countedOf(deciders, from, today);
  return { deciders, counted, from, today, recent: addDays(today, 1 - UNAUTHORIZED_DAYS) };
}

/**
 * What sources sent before the window that sent nothing in it (a first import names many that are gone), and
 * those that come back after weeks without a signature.
 */
async function loadPast(
  tx: Tx,
  domain: string,
  { sources, rows, from, counted }: { sources: readonly string[]; rows: readonly SourceDay[]; from: string; counted: Counted },
): Promise<SourceDay[]> {
  const seen = groupBy(rows, ({ source }) => source);
  const came = (source: string) => isNetwork(source) && mayReturn(seen.get(source)!, from);
  const gone = sources.filter((source) => !seen.has(source) || came(source)).slice(0, GONE);
  return loadSourceDays(tx, domain, gone, { from: addDays(from, -PAST_DAYS), to: addDays(from, -1), counted });
}

/**
 * What is known of the sources that the work names, beside their rows. Of own servers, and of those that
 * fail, their first day is looked up.
 */
async function loadAboutSources(
  tx: Tx,
  domain: string,
  { facts, ...of }: Pick<DomainData, 'facts' | 'rows' | 'reporterDays' | 'catalogue'> & { keys: KeysOfDomain },
  window: { from: string; to: string; counted: Counted },
): Promise<Pick<DomainData, 'firstSeen' | 'borrowed' | 'relayed' | 'scatter' | 'keys' | 'mixed'>> {
  const { counted, to } = window;
  const own = facts.filter((one) => isOwnServer(domain, one, of.catalogue)).map(({ source }) => source);
  const strangers = strangersOf(of.rows);
  return {
    firstSeen: await loadFirstSeen(tx, domain, [...new Set([...own, ...strangers])], counted),
    borrowed: new Map(),
    relayed: await loadRelayed(tx, domain, withBrokenSignatures(of.rows), window),
    scatter: await loadScatter(tx, domain, strangers, { from: addDays(to, 1 - DOMAIN_DAYS), to, counted }),
    keys: await loadKeys(tx, counted, of),
    mixed: await loadMixed(tx, counted, of),
  };
}

/** What is known of the domain beside its mail. */
async function loadBesideMail(
  tx: Tx,
  domain: string,
  now: Date,
): Promise<Pick<DomainData, 'senderList' | 'confirmation' | 'silence' | 'expected' | 'elsewhere'>> {
  return {
    senderList: await loadSenderList(tx, domain, now),
    confirmation: await loadConfirmation(tx, domain),
    silence: await loadSilence(tx, domain),
    expected: await loadExpected(tx, now, domain),
    elsewhere: await loadToldElsewhere(tx, domain, rulesWith('sharedCause')),
  };
}

/**
 * The sources that authenticate as somebody else and never pass: services that are not set up, and forgers.
 */
function strangersOf(rows: readonly SourceDay[]): string[] {
  const sums = new Map<string, { passed: number; failed: number }>();
  for (const { source, passed, failed_authenticated } of rows) {
    const sum = sums.get(source) ?? { passed: 0, failed: 0 };
    sums.set(source, { passed: sum.passed + passed, failed: sum.failed + failed_authenticated });
  }
  return [...sums]
    .filter(([source, { passed, failed }]) => passed === 0 && failed >= LEAST_FAILING && !isNetwork(source))
    .map(([source]) => source);
}

/** The sources with failing mail that has a signature of the domain's own. */
function withBrokenSignatures(rows: readonly SourceDay[]): string[] {
  return [...new Set(rows.filter(({ failed_signed }) => failed_signed > 0).map(({ source }) => source))];
}

/** Whose keys the sources sign with that may be forwarders. */
async function loadKeys(
  tx: Tx,
  { from, votes, reporters }: Counted,
  { rows, reporterDays, keys }: Pick<DomainData, 'rows' | 'reporterDays'> & { keys: KeysOfDomain },
): Promise<DomainData['keys']> {
  // A selector is the word of a single reporter: where none decides alone, no selector counts.
  return anyMayForward(rows, reporterDays) ? keys.load(tx, from, votes > 1 ? [] : reporters) : NO_KEYS;
}

/**
 * The names below the domain. The rollup of names is not kept by reporter, so it is used where all of them
 * decide.
 */
async function namesBelow(
  tx: Tx,
  domain: string,
  { from: since, to, reporters }: Counted,
  { networks, all, recent }: { networks: Networks | null; all: boolean; recent: string },
): Promise<SubdomainNames> {
  if (networks === null || !comesFromBelow(networks)) return NO_NAMES;
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

/** The sources without SPF that pass on mail of several authors; services of the catalogue send their own. */
async function loadMixed(
  tx: Tx,
  { from, to, votes, reporters }: Counted,
  { rows, keys, catalogue }: Pick<DomainData, 'rows' | 'catalogue'> & { keys: KeysOfDomain },
): Promise<Set<string>> {
  const asked = [...groupBy(rows, ({ source }) => source)]
    .filter(([, own]) => mayCarryMix(own))
    .map(([source]) => source)
    .filter(
      (source) => isNetwork(source) || lookup(catalogue, { dkim_domains: [], spf_domain: source, reverse_name: null }) === null,
    );
  // A selector is the word of a single reporter.
  if (asked.length === 0 || votes > 1) return new Set();
  const uses = await keys.uses(tx, { from, to, reporters });
  return new Set(asked.filter((source) => carriesMix(uses, new Set([source]))));
}

/** Whether one of the sources may be a forwarder: then their signing keys are looked up. */
function anyMayForward(rows: readonly SourceDay[], reporterDays: readonly ReporterDay[]): boolean {
  const domainDays = domainDaysOf(reporterDays, false);
  return [...groupBy(rows, ({ source }) => source).values()].some((own) => mayForward(own, domainDays));
}
