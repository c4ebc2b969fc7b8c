import { type Admitted, admittedNetworks } from '../dns/spf/admitted.ts';
import { rulesWith } from '../findings/kinds/traits.ts';
import { addDays, dayOf, later } from '../shared/days.ts';
import { groupBy } from '../shared/group-by.ts';
import type { Tx } from '../shared/runtime/db.ts';
import type { Context } from '../shared/runtime/service.ts';
import type { Counted } from '../store/analysis/counted.ts';
import { loadForged } from '../store/analysis/forged-reports.ts';
import { loadRelayed } from '../store/analysis/relayed.ts';
import { wasAnalyzed } from '../store/analysis/reporters.ts';
import { loadScatter } from '../store/analysis/scatter.ts';
import { loadAwaited } from '../store/analysis/senders.ts';
import type { Keys } from '../store/analysis/signatures.ts';
import { loadLateness, loadSilence, loadSpread } from '../store/analysis/silences.ts';
import {
  type CountedDays,
  loadFirstSeen,
  loadNetworks,
  loadPolicyDays,
  loadReporterDays,
  loadSourceDays,
  type Networks,
  type ReporterDay,
  type SourceDay,
} from '../store/analysis/window-reads.ts';
import { loadCheck } from '../store/dns/checks.ts';
import { loadDrifts } from '../store/dns/drifts.ts';
import { loadChangedLookalikes } from '../store/dns/lookalikes.ts';
import { loadKeyMail, loadPublished, loadSpfMail } from '../store/dns/published.ts';
import { loadAdmitting } from '../store/dns/records.ts';
import { loadConfirmation } from '../store/domains/domains.ts';
import { loadExpected } from '../store/findings/feedback.ts';
import { loadFindings, loadToldElsewhere } from '../store/findings/findings.ts';
import { loadSubdomainNames, loadSubdomainNamesOf, type SubdomainNames } from '../store/rollups/subdomain-days.ts';
import { loadNetworkFacts, type NetworkFacts } from '../store/sources/identities.ts';
import { loadSenderList } from '../store/sources/sender-list.ts';
import { loadDeciders } from './deciders.ts';
import type { DomainData, Others } from './domain-data.ts';
import { domainDaysOf } from './domain-windows.ts';
import { REOPEN_DAYS } from './lifecycle.ts';
import { lostSpf } from './published/losses.ts';
import { LEAST as LEAST_FAILING } from './rules/alignment_failure.ts';
import { CAUSES } from './rules/broken_senders.ts';
import { LOST_DAYS } from './rules/lost.ts';
import { SILENT_DAYS } from './rules/reporter_silent.ts';
import { DOMAIN_DAYS } from './rules/silence.ts';
import { lookup } from './senders/catalogue.ts';
import { catalogueOf } from './senders/load.ts';
import { loadOutgrown } from './senders/outgrown.ts';
import { loadLogs } from './sending/load.ts';
import { mayCarryMix, mayForward } from './sources/classes.ts';
import { isOwnServer } from './sources/identity.ts';
import type { KeysOfDomain } from './sources/keys.ts';
import { carriesMix } from './sources/mix.ts';
import { isNetwork } from './sources/network.ts';
import { handfulOf, handsOn, isGateway, isNamedHost } from './sources/relays.ts';
import { countedOf, type Deciders } from './standing.ts';
import { UNAUTHORIZED_DAYS } from './unauthenticated/part.ts';
import { total } from './window.ts';

/** Networks that were first seen since then wait for their names; now, where nobody looks names up. */
export function waitsSince({ config, clock }: Pick<Context, 'config' | 'clock'>): Date {
  const hours = looksUpNames({ config }) ? config.analyzer.wait_for_names_hours : 0;
  return new Date(clock.now().getTime() - hours * 3_600_000);
}

function looksUpNames({ config }: Pick<Context, 'config'>): boolean {
  return config.enrich.dns === 'on' || config.asnFile !== null;
}

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

/** Which networks and names belong to whom, as far as that is known. */
async function loadIdentities(
  tx: Tx,
  context: Context,
  domain: string,
  {
    deciders,
    sources,
    rows,
    window,
    ...of
  }: Pick<DomainData, 'sources' | 'rows' | 'reporterDays'> & {
    networks: Networks | null;
    deciders: Deciders;
    window: CountedDays;
  },
) {
  const catalogue = catalogueOf(context.config);
  const admitted = await loadAdmitted(tx, domain);
  const facts = bySayOf(deciders, rows, await loadNetworkFacts(tx, domain, sources.filter(isNetwork), admitted));
  const waits = looksUpNames(context) ? waitsSince(context) : null;
  const byName = await loadByName(tx, { ...of, domain, catalogue, admitted, waits }, window);
  const { outgrown } = await loadOutgrown(tx, domain, { facts, catalogue }, window);
  return { facts, ...byName, outgrown: new Map([...outgrown, ...byName.outgrown]) };
}

/** What sources sent before the window that sent nothing in it: a first import names many that are gone. */
async function loadPast(
  tx: Tx,
  domain: string,
  { sources, rows, from, counted }: { sources: readonly string[]; rows: readonly SourceDay[]; from: string; counted: Counted },
): Promise<SourceDay[]> {
  const seen = new Set(rows.map(({ source }) => source));
  const gone = sources.filter((source) => !seen.has(source)).slice(0, GONE);
  return loadSourceDays(tx, domain, gone, { from: addDays(from, -PAST_DAYS), to: addDays(from, -1), counted });
}

/**
 * What is known of the sources that the work names, beside their rows. Of own servers, and of those that
 * fail, it is asked since when they send.
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

/** Of the reporters that fell silent: how far their silence goes, and how late they used to report. */
async function loadSilentReporters(
  tx: Tx,
  domain: string,
  { reporterDays, from, today }: { reporterDays: readonly ReporterDay[]; from: string; today: string },
): Promise<Pick<DomainData, 'spread' | 'lateness'>> {
  const silent = silentSince(reporterDays, addDays(today, -SILENT_DAYS));
  const names = silent.map(({ reporter }) => reporter);
  return { spread: await loadSpread(tx, domain, silent), lateness: await loadLateness(tx, domain, names, { from, to: today }) };
}

/** Of the domain as a whole: its records, its mail in own servers' logs, and who no longer reports on it. */
async function loadWhole(
  tx: Tx,
  context: Context,
  domain: string,
  { from, today, counted, reporterDays }: Pick<DomainData, 'from' | 'today' | 'reporterDays'> & { counted: Counted },
) {
  const now = context.clock.now();
  const reporters = counted.votes > 1 ? [] : counted.reporters;
  const records = await loadRecords(tx, domain, now, { from, reporters });
  const { published = null } = records;
  const { subjects: inLogs, ...logs } = await loadLogs(tx, context, domain, { now, reporters, published });
  return { ...records, ...logs, ...(await loadSilentReporters(tx, domain, { reporterDays, from, today })), inLogs };
}

/** What the watcher saw of the domain's records of late, and the mail of the keys that are gone. */
async function loadRecords(
  tx: Tx,
  domain: string,
  now: Date,
  mail: { from: string; reporters: readonly string[] },
): Promise<Pick<DomainData, 'published' | 'keyMail' | 'spfMail' | 'check' | 'drift' | 'lookalikes'>> {
  const published = await loadPublished(tx, domain, new Date(now.getTime() - (LOST_DAYS + 1) * 86_400_000));
  const gone = published?.records.filter(({ purpose, gone_at }) => purpose === 'dkim' && gone_at !== null) ?? [];
  const absent =
    published?.questions.filter(({ purpose, type, state }) => purpose === 'dkim' && type === 'TXT' && state === 'absent') ?? [];
  const keys = [...new Set([...gone, ...absent].map(({ name }) => name))];
  return {
    published,
    keyMail: await loadKeyMail(tx, domain, keys, mail),
    spfMail: published && lostSpf(domain, published) ? await loadSpfMail(tx, domain, mail) : [],
    check: await loadCheck(tx, domain),
    drift: await loadDrifts(tx, domain),
    lookalikes: await loadChangedLookalikes(tx, domain),
  };
}

/** The names of records and of name servers, which are subjects of findings. */
function namesIn({
  published,
  check,
  drift,
  lookalikes = [],
}: Pick<DomainData, 'published' | 'check' | 'drift' | 'lookalikes'>): string[] {
  const records = published?.records.filter(({ purpose }) => ['spf', 'dkim', 'dmarc'].includes(purpose)) ?? [];
  const keys = published?.questions.filter(({ purpose }) => purpose === 'dkim') ?? [];
  const drifts = drift?.drifts ?? [];
  const names = [...records, ...keys, ...(check?.findings ?? []), ...drifts, ...lookalikes].map(({ name }) => name);
  names.push(...drifts.map((one) => one.domain));
  return [...new Set([...names, ...(published?.servers ?? []).map(({ server }) => server)])];
}

/**
 * What the domain's own SPF record admits, as the watcher saw it last; nothing while there are several
 * records.
 */
async function loadAdmitted(tx: Tx, domain: string): Promise<Admitted[]> {
  const records = await loadAdmitting(tx, domain);
  const valuesOf = (name: string, type: string) =>
    records.filter((one) => one.name === name && one.type === type).map(({ value }) => value);
  const [text, ...others] = valuesOf(domain, 'TXT');
  return text === undefined || others.length > 0 ? [] : admittedNetworks(domain, text, valuesOf);
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

/** The sources with failing mail that bears a signature of the domain's own. */
function withBrokenSignatures(rows: readonly SourceDay[]): string[] {
  return [...new Set(rows.filter(({ failed_signed }) => failed_signed > 0).map(({ source }) => source))];
}

/** Fewer messages of a host are not told, whatever they are. */
const HOST_WORTH = 5;

/**
 * Those of the networks that are no forgers by their confirmed names: own servers, gateways of receivers, a
 * handful of forwarders.
 */
async function loadByName(
  tx: Tx,
  {
    domain,
    networks,
    reporterDays,
    catalogue,
    admitted,
    waits,
  }: Pick<DomainData, 'domain' | 'networks' | 'reporterDays' | 'catalogue'> & {
    admitted: readonly Admitted[];
    waits: Date | null;
  },
  days: CountedDays,
): Promise<Required<Pick<DomainData, 'ownServers' | 'gateways' | 'unnamed' | 'outgrown' | 'used'>>> {
  const sources = networks?.largest.map(({ source }) => source).filter(isNetwork) ?? [];
  const facts = await loadNetworkFacts(tx, domain, sources, admitted);
  const unnamed = waits === null ? new Set<string>() : await loadAwaited(tx, domain, sources, waits);
  const own = facts.filter((one) => isOwnServer(domain, one, catalogue)).map(({ source }) => source);
  const named = new Set(facts.filter((one) => isGateway(one, catalogue)).map(({ source }) => source));
  const failedOf = new Map(
    networks?.largest.map(({ source, days: recent, before }) => [
      source,
      before.failed + recent.reduce((n, day) => n + day.failed, 0),
    ]),
  );
  // The keys are read only where the mail of a host might be reported.
  const hosts = facts.filter(
    (one) => !named.has(one.source) && isNamedHost(one, catalogue) && failedOf.get(one.source)! >= HOST_WORTH,
  );
  const services = await loadOutgrown(tx, domain, { facts, catalogue }, days);
  if (named.size + hosts.length === 0) return { ownServers: own, gateways: [], unnamed, ...services };
  const relayed = await loadRelayed(tx, domain, [...named, ...hosts.map(({ source }) => source)], days);
  const of = reporterDays.reduce((n, { messages }) => n + messages, 0);
  const handed = (source: string) => ({ source, failed: failedOf.get(source) ?? 0, relayed: relayed.get(source) ?? 0 });
  const gateways = [...named].filter((source) => handsOn({ ...handed(source), of }));
  gateways.push(
    ...handfulOf(
      hosts.map(({ source }) => handed(source)),
      of,
    ),
  );
  return { ownServers: own, gateways, unnamed, ...services };
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

/** The reporters that reported, but not after a day, and when each did last. */
function silentSince(reporterDays: readonly ReporterDay[], day: string): { reporter: string; last: string }[] {
  const last = new Map<string, string>();
  for (const row of reporterDays) last.set(row.reporter, later(row.day, last.get(row.reporter) ?? ''));
  return [...last].filter(([, on]) => on <= day).map(([reporter, on]) => ({ reporter, last: on }));
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

/** Whether one of the sources may be a forwarder: then it is asked whose keys they sign with. */
function anyMayForward(rows: readonly SourceDay[], reporterDays: readonly ReporterDay[]): boolean {
  const domainDays = domainDaysOf(reporterDays, false);
  return [...groupBy(rows, ({ source }) => source).values()].some((own) => mayForward(own, domainDays));
}
