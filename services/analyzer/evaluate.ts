import type { Ending } from '../findings/ending.ts';
import { dayOf, later } from '../shared/days.ts';
import { rankOf } from '../shared/severity.ts';
import type { ForgedDay, GenuineReports } from '../store/analysis/forged-reports.ts';
import type { Scatter } from '../store/analysis/scatter.ts';
import type { KeyUse } from '../store/analysis/senders.ts';
import type { FailedCheck, Keys } from '../store/analysis/signatures.ts';
import type { Silence, Spread } from '../store/analysis/silences.ts';
import type { DomainDay, Networks, PolicyDay, ReporterDay, SourceClass, SourceDay } from '../store/analysis/window-reads.ts';
import type { StoredCheck } from '../store/dns/checks.ts';
import type { StoredDrifts } from '../store/dns/drifts.ts';
import type { KeyMail, Published } from '../store/dns/published.ts';
import type { Confirmation } from '../store/domains/domains.ts';
import type { Expected } from '../store/findings/feedback.ts';
import type { Candidate, KnownFinding, ToldElsewhere } from '../store/findings/findings.ts';
import type { SubdomainNames } from '../store/rollups/subdomain-days.ts';
import type { Identity, NetworkFacts } from '../store/sources/identities.ts';
import type { ListEntry } from '../store/sources/sender-list.ts';
import { type FindingChanges, isHeard, type Moment, reconcile } from './lifecycle.ts';
import { currentPolicy } from './policy.ts';
import { joinCauses, withLookups } from './published/causes.ts';
import { joinDrifts } from './published/drifts.ts';
import { examineSender } from './rules/authentication_regression.ts';
import { BrokenSenders } from './rules/broken_senders.ts';
import { ruleOf, rulesOf, TESTED_KINDS } from './rules/index.ts';
import { policyChanges } from './rules/policy_change.ts';
import type { RuleOf } from './rules/rule.ts';
import { DOMAIN_DAYS } from './rules/silence.ts';
import { examineUnits, type Unit } from './senders/broken-units.ts';
import type { Catalogue, Sender } from './senders/catalogue.ts';
import { joinCopiedKeys } from './senders/copied-keys.ts';
import { entryOf } from './senders/load.ts';
import { quietSiblings } from './senders/siblings.ts';
import { type UnalignedUnit, unalignedTogether } from './senders/unaligned-units.ts';
import { isAligned, type SenderData, senderOfPart } from './senders/units.ts';
import { SenderWindows } from './senders/windows.ts';
import { classify } from './sources/classes.ts';
import { type Identified, identify, isOwnServer } from './sources/identity.ts';
import { isNetwork } from './sources/network.ts';
import type { Standing } from './standing.ts';
import { type Budget, levelOf, onceLevelOf } from './statistics/budget.ts';
import { Attendance } from './statistics/habit.ts';
import {
  type ArrivalWindow,
  type DnsWindow,
  type DomainWindow,
  type IncidentWindow,
  type Reporting,
  type SenderWindow,
  type SourceWindow,
  type Standpoint,
  total,
  type UndecidedWindow,
} from './window.ts';

/** Everything that was loaded of one domain. */
export interface DomainData extends Moment {
  domain: string;
  /** First day of the window. */
  from: string;
  /**
   * The sources the work names; their rows are complete within the window, and there are rows of no others.
   */
  sources: readonly string[];
  rows: readonly SourceDay[];
  /** Of the whole window. */
  reporterDays: readonly ReporterDay[];
  /** Each reporter of these rows is known, and may decide alone. */
  byKnown: boolean;
  /** Sources of the domain that authenticate, within the window: as many tests as each kind makes a day. */
  testedSources: number;
  /** Those that pass and were first seen within a month. */
  newcomers: number;
  /** From loadBorrowed, of the new sources among those that the work names. */
  borrowed: ReadonlyMap<string, number>;
  /** From loadKeys, of the small ones among them that pass by a signature alone. */
  keys: ReadonlyMap<string, Keys>;
  /** Those of them that pass on mail of several authors, however much; absent: none was looked up. */
  mixed?: ReadonlySet<string>;
  /** From loadRelayed, of those among them with signatures as the domain that do not verify. */
  relayed: ReadonlyMap<string, number>;
  /** From loadScatter, of those that authenticate as a domain that the catalogue does not know. */
  scatter?: ReadonlyMap<string, Scatter>;
  /** The first day of each source, where it is known. */
  firstSeen: ReadonlyMap<string, string>;
  /** `analyzer.false_alarms_per_month` */
  falseAlarmsPerMonth: number;
  policyDays: readonly PolicyDay[];
  known: readonly KnownFinding[];
  /** Null: more work of this domain waits, and the domain as a whole is evaluated with the last of it. */
  networks: Networks | null;
  /** The senders of aligned mail, from loadSenders; null as for `networks`. */
  senders?: readonly SenderData[] | null;
  /** From loadKeyUses, where a sender may be new. */
  keyUses?: readonly KeyUse[];
  /** Sources of one sender that are judged together, and the number of such senders; absent as for `senders`. */
  units?: { read: readonly Unit[]; tests: number };
  /** Sources of one sender that is not set up; absent likewise. */
  unaligned?: readonly UnalignedUnit[];
  /** The names below the domain that unauthenticated mail of the newest days came under. */
  names: SubdomainNames;
  /** Networks that are the domain's own servers, by their names; absent where that was not loaded. */
  ownServers?: readonly string[];
  /** Networks of security gateways that hand on the domain's mail to its receivers; absent likewise. */
  gateways?: readonly string[];
  /** What the enricher found out about those sources that are networks. */
  facts: readonly NetworkFacts[];
  /**
   * What the reporters that decide nothing report; null where there are none, or more work of the domain
   * waits.
   */
  others: Others | null;
  forged: readonly ForgedDay[];
  genuine: readonly GenuineReports[];
  /** The mail services and forwarders that are known by name. */
  catalogue: Catalogue;
  /** What people say about sources: the current entries for this domain. */
  senderList: readonly ListEntry[];
  /** What DNS says of the way of its reports to us; absent or null: nothing was asked. */
  confirmation?: Confirmation | null;
  /** What the watcher saw of its records, and the mail of keys that are gone; absent or null: it is not watched. */
  published?: Published | null;
  keyMail?: readonly KeyMail[];
  /** What is wrong with its records; absent or null: they were not checked. */
  check?: StoredCheck | null;
  /** What differs from mail-guard.yaml; null: it declares nothing of the domain; absent: it was not loaded. */
  drift?: StoredDrifts | null;
  /** That nobody reports on it any more; absent or null: somebody does. */
  silence?: Silence | null;
  /** Findings of other domains that may have the same cause, and were mailed. */
  elsewhere?: readonly ToldElsewhere[];
  /** What people expect on the domain: it is recorded and not mailed. */
  expected?: readonly Pick<Expected, 'kind' | 'subject' | 'severity'>[];
  /** From loadSpread and loadLateness, of the reporters that fell silent. */
  spread?: ReadonlyMap<string, Spread>;
  lateness?: ReadonlyMap<string, number>;
}

/** The rows of the reporters that decide nothing, and who they are. */
export interface Others {
  reporters: readonly { reporter: string; standing: Standing }[];
  from: string;
  today: string;
  reporterDays: readonly ReporterDay[];
  networks: Networks;
}

/** What is known of the sources of a domain before any rule about them was asked. */
export interface ExaminedSources {
  classes: SourceClass[];
  identities: Identity[];
  /** The senders that broke, and those that recovered. */
  senders: BrokenSenders;
  /** The window of a source; one that the work does not name has no rows in it. */
  windowOf(source: string): SourceWindow;
}

/**
 * Classifies and names the sources that the work names, and finds out which of them broke. What broke is then
 * looked up in the records (loadFailedChecks), so this comes before `evaluate`. Pure: no I/O, no clock, and
 * the order of rows does not matter.
 */
export function examineSources(data: DomainData): ExaminedSources {
  const { known } = data;
  const senders = new BrokenSenders(data.domain, data.today, known);
  const windows = new SourceWindows(data, senders);
  const classes: SourceClass[] = [];
  const identities: Identity[] = [];
  for (const source of data.sources) {
    examineSender(senders, windows.of(source));
    const window = windows.of(source);
    const { identity } = windows.identified(source);
    const found = classify(window);
    // A domain that no trusted report covers has proven nothing: what was known of it stays.
    const covered = window.rows.length > 0;
    senders.belongs(source, senderOfPart(identity, data.catalogue));
    if (covered || isNetwork(source)) identities.push(identity);
    classes.push(covered ? { ...found, why: `${found.why} ${identity.evidence}` } : found);
  }
  // Nothing newer came of a sender that the work does not name, and its silence may end it.
  const named = new Set(data.sources);
  const waiting = new Set(known.flatMap((finding) => finding.waiting));
  for (const source of senders.sources.filter((one) => !named.has(one) && !waiting.has(one)))
    examineSender(senders, windows.of(source));
  return { classes, identities, senders, windowOf: (source) => windows.of(source) };
}

/**
 * Judges the sources of each sender together, for what none of them shows by itself. To be asked after examineSources,
 * and before what broke is looked up in the records.
 */
export function examineTogether(data: DomainData, { senders, windowOf }: ExaminedSources): void {
  const { units, known, testedSources } = data;
  if (units === undefined) return;
  examineUnits(senders, units.read, { level: levelOf(budgetOf(data), testedSources + units.tests), known, windowOf });
}

/** Makes the windows of sources, each once. */
class SourceWindows {
  readonly #data: DomainData;
  readonly #senders: BrokenSenders;
  readonly #rows: Map<string, SourceDay[]>;
  readonly #facts: ReadonlyMap<string, NetworkFacts>;
  readonly #shared: Pick<
    SourceWindow,
    'domain' | 'from' | 'today' | 'domainDays' | 'reporterDays' | 'attendance' | 'level' | 'onceLevel' | 'policy' | 'known'
  >;
  readonly #windows = new Map<string, Omit<SourceWindow, 'broken'>>();

  constructor(data: DomainData, senders: BrokenSenders) {
    const { domain, from, today, reporterDays } = data;
    this.#data = data;
    this.#senders = senders;
    this.#rows = new Map(data.sources.map((source) => [source, []]));
    for (const row of data.rows) this.#rows.get(row.source)?.push(row);
    this.#facts = new Map(data.facts.map((facts) => [facts.source, facts]));
    this.#shared = {
      domain,
      from,
      today,
      domainDays: domainDaysOf(reporterDays, data.byKnown),
      reporterDays,
      attendance: new Attendance(reporterDays),
      level: levelOf(budgetOf(data), data.testedSources),
      onceLevel: onceLevelOf(budgetOf(data), data.newcomers),
      policy: currentPolicy(data.policyDays),
      known: data.known.filter(isHeard),
    };
  }

  identified(source: string): Identified {
    const { domain, catalogue } = this.#data;
    return identify({ domain, source, rows: this.#rows.get(source) ?? [] }, this.#facts.get(source) ?? null, catalogue);
  }

  of(source: string): SourceWindow {
    let window = this.#windows.get(source);
    if (window === undefined) {
      window = this.#windowOf(source);
      this.#windows.set(source, window);
    }
    const part = this.#senders.part(source);
    return { ...window, broken: part !== null && part.survives_on === undefined };
  }

  /**
   * A network is named by its reverse names, which are not the service's word: what a person said of the service
   * is said of its aligned mail alone.
   */
  #entryOf(source: string, sender: Sender | null): ListEntry | null {
    const sum = total(this.#rows.get(source) ?? []);
    const own = !isNetwork(source) || (sum.messages > 0 && isAligned(sum));
    return entryOf(this.#data.senderList, source, own ? (sender?.id ?? null) : null);
  }

  #windowOf(source: string): Omit<SourceWindow, 'broken'> {
    const data = this.#data;
    const { sender } = this.identified(source);
    return {
      ...this.#shared,
      source,
      rows: this.#rows.get(source) ?? [],
      firstSeen: data.firstSeen.get(source) ?? null,
      borrowed: data.borrowed.get(source) ?? null,
      keys: data.keys.get(source) ?? null,
      relayed: data.relayed.get(source) ?? 0,
      mixed: data.mixed?.has(source) ?? false,
      scatter: data.scatter?.get(source) ?? null,
      uses: false,
      sender,
      listed: this.#entryOf(source, sender),
      own: isOwnServer(data.domain, this.#facts.get(source), data.catalogue),
      admittedBy: this.#facts.get(source)?.admitted_by ?? null,
      host: this.#facts.get(source)?.name ?? null,
    };
  }
}

/** What the rules see, by scope. */
interface Windows {
  source(source: string): SourceWindow;
  /** Null: more work of the domain waits. */
  senders: SenderWindows | null;
  incident: IncidentWindow;
  /** Null: more work of the domain waits, and it is evaluated as a whole with the last of it. */
  domain: DomainWindow | null;
  arrival: ArrivalWindow;
  dns: DnsWindow;
  undecided: UndecidedWindow;
}

/**
 * Asks all rules but those about the next policy, and holds what they found against what is on file. Pure.
 *
 * @param checks what did not pass in the mail of the senders that broke: the findings name it
 */
export function evaluate(data: DomainData, sources: ExaminedSources, checks: readonly FailedCheck[] = []): FindingChanges {
  sources.senders.nameChecks(checks);
  const known = data.known.filter(isHeard);
  const attendance = new Attendance(data.reporterDays);
  const windows: Windows = {
    source: sources.windowOf,
    senders: data.senders
      ? new SenderWindows(
          { ...data, keyUses: data.keyUses ?? [], known, budget: budgetOf(data), windowOf: sources.windowOf },
          data.senders,
        )
      : null,
    incident: {
      senders: sources.senders,
      policy: currentPolicy(data.policyDays),
      changes: policyChanges(data.policyDays),
    },
    domain: domainWindow(data, sources.senders, attendance, known),
    arrival: arrivalWindow(data, attendance, known),
    dns: {
      domain: data.domain,
      confirmation: data.confirmation ?? null,
      silence: data.silence ?? null,
      today: data.today,
      elsewhere: data.elsewhere ?? [],
      known,
      now: data.now,
      published: data.published ?? null,
      check: data.check ?? null,
      ...(data.drift !== undefined && { drift: data.drift }),
      keyMail: data.keyMail ?? [],
      senders: data.senders ?? null,
      days: new Set(data.reporterDays.map(({ day }) => day)).size,
    },
    undecided: undecidedWindow(data, known),
  };
  const { domain } = windows;
  const byKey = new Map((data.senders ?? []).map((one) => [one.key, one]));
  const ofSources = data.sources.flatMap((source) => {
    const window = sources.windowOf(source);
    // Only the rule about own servers asks for it, and looking for the sender of each source is quadratic.
    const signs = window.own ? signsElsewhere(data.senders ?? [], source) : null;
    return findOf(rulesOf('source'), { ...window, uses: usesElsewhere(byKey, window), signs });
  });
  const unaligned = unalignedTogether(data.unaligned ?? [], ofSources, { known, windowOf: sources.windowOf });
  const isTogether = (one: Candidate) => unaligned.some(({ kind, subject }) => kind === one.kind && subject === one.subject);
  const ofSenders = (windows.senders?.all ?? []).flatMap((window) =>
    findOf(rulesOf('sender'), window, aboutIts(window, ofSources)),
  );
  const candidates = [
    ...ofSources.filter((one) => !isTogether(one)),
    ...unaligned,
    ...joinCopiedKeys(data.domain, ofSenders, known),
    ...rulesOf('incident').flatMap((rule) => rule.find(windows.incident)),
    ...(domain === null ? [] : rulesOf('domain').flatMap((rule) => rule.find(domain))),
    ...rulesOf('arrival').flatMap((rule) => rule.find(windows.arrival)),
    ...rulesOf('dns').flatMap((rule) => rule.find(windows.dns)),
  ];
  const told = new Set([...candidates, ...known.filter((one) => one.state === 'open')].map(({ kind }) => kind));
  windows.undecided = { ...windows.undecided, told };
  candidates.push(...rulesOf('undecided').flatMap((rule) => rule.find(windows.undecided)));
  return reconcile(
    quietSiblings(
      withLookups(joinCauses(joinDrifts(candidates, data.known), data.known), data.check ?? null),
      known,
      data.catalogue,
    )
      .map(withMissing(attendance))
      .map(quietWhenExpected(data.expected ?? [])),
    data.known,
    (finding) => overOf(finding, data.domain, windows),
    data,
  );
}

/** @param before what was found of the same subject by other rules */
function findOf<Window>(
  rules: readonly RuleOf<string, Window>[],
  window: Window,
  before: readonly Candidate[] = [],
): Candidate[] {
  const found: Candidate[] = [];
  for (const rule of rules)
    if (![...before, ...found].some(({ kind }) => rule.yieldsTo?.includes(kind))) found.push(...rule.find(window));
  return found;
}

/** What was found of the sources of a sender. */
function aboutIts({ of }: SenderWindow, found: readonly Candidate[]): Candidate[] {
  if (found.length === 0) return [];
  const sources = new Set(of.sources.map(({ source }) => source));
  return found.filter(({ subject }) => sources.has(subject));
}

/** Messages that pass before a service counts as one that is used. */
const USED = 50;

/** Whether aligned mail comes through the service of a source, from other sources of it. */
function usesElsewhere(senders: ReadonlyMap<string, SenderData>, { source, sender }: SourceWindow): boolean {
  const same = sender === null ? undefined : senders.get(sender.id);
  return same?.sources.some((one) => one.source !== source && isAligned(one) && one.passed >= USED) ?? false;
}

/** The part of the passing mail of a source's sender that is signed, without that of its own and of younger ones. */
function signsElsewhere(senders: readonly SenderData[], source: string): number | null {
  const sender = senders.find(({ sources }) => sources.some((one) => one.source === source));
  const own = sender?.sources.find((one) => one.source === source);
  if (sender === undefined || own === undefined) return null;
  const others = sender.sources.filter((one) => one.first_day < own.first_day && isAligned(one));
  const passed = others.reduce((n, one) => n + one.passed, 0);
  return passed < USED ? null : others.reduce((n, one) => n + one.dkim_aligned, 0) / passed;
}

/** Why an open finding that no rule upholds is over; null while that cannot be said. */
function overOf(finding: KnownFinding, domain: string, windows: Windows): Ending | null {
  if (finding.pending) return null;
  const rule = ruleOf(finding, domain);
  switch (rule?.scope) {
    case 'source':
      return rule.over(finding, windows.source(finding.subject));
    case 'sender':
      return windows.senders && rule.over(finding, windows.senders.of(finding.subject));
    case 'incident':
      return rule.over(finding, windows.incident);
    case 'domain':
      return windows.domain && rule.over(finding, windows.domain);
    case 'arrival':
      return rule.over(finding, windows.arrival);
    case 'dns':
      return rule.over(finding, windows.dns);
    case 'undecided':
      return windows.domain && rule.over(finding, windows.undecided);
    default:
      return null;
  }
}

/**
 * Asks the rules about the next policy: they rest on the classes of all sources, so this comes after these
 * are written.
 * @param known from loadFindings, after the others were written
 * @param standpoint from writePosture, likewise
 */
export function evaluateReadiness(
  data: Omit<DomainData, 'networks' | 'names'>,
  known: readonly KnownFinding[],
  standpoint: Standpoint,
): FindingChanges {
  const { domain, policyDays } = data;
  const attendance = new Attendance(data.reporterDays);
  const window = {
    ...commonOf(data, attendance),
    networks: { largest: [], others: NO_NETWORKS, others_below: NO_NETWORKS },
    names: NO_NAMES,
    policyDays,
    policy: currentPolicy(policyDays),
    excluded: new Set<string>(),
    known,
    standpoint,
  };
  const over = (finding: KnownFinding) => {
    const rule = ruleOf(finding, domain);
    return rule?.scope === 'readiness' && !finding.pending ? rule.over(finding, window) : null;
  };
  const candidates = rulesOf('readiness').flatMap((rule) => rule.find(window));
  return reconcile(candidates.map(withMissing(attendance)), known, over, data);
}

function budgetOf({ falseAlarmsPerMonth }: Pick<DomainData, 'falseAlarmsPerMonth'>): Budget {
  return { perMonth: falseAlarmsPerMonth, kinds: TESTED_KINDS };
}

/** What every window of a domain holds. */
function commonOf(data: Omit<DomainData, 'networks' | 'names'>, attendance: Attendance) {
  const { domain, from, today, reporterDays } = data;
  const domainDays = domainDaysOf(reporterDays, data.byKnown);
  return { domain, from, today, domainDays, reporterDays, attendance, budget: budgetOf(data) };
}

function domainWindow(
  data: DomainData,
  senders: BrokenSenders,
  attendance: Attendance,
  known: readonly KnownFinding[],
): DomainWindow | null {
  const { networks, names, policyDays } = data;
  return (
    networks && {
      ...commonOf(data, attendance),
      networks,
      names,
      policyDays,
      policy: currentPolicy(policyDays),
      reporting: reportingOf(data),
      excluded: new Set([
        ...senders.failingSources,
        ...approvedNetworks(data),
        ...(data.ownServers ?? []),
        ...(data.gateways ?? []),
      ]),
      known,
    }
  );
}

function reportingOf({ elsewhere = [], spread = new Map(), lateness = new Map(), others, published }: DomainData): Reporting {
  const undecided = new Map<string, string>();
  for (const { reporter, day } of others?.reporterDays ?? []) undecided.set(reporter, later(day, undecided.get(reporter) ?? ''));
  return { elsewhere, spread, lateness, undecided, published: published ?? null };
}

function arrivalWindow(data: DomainData, attendance: Attendance, known: readonly KnownFinding[]): ArrivalWindow {
  const { domain, forged, genuine } = data;
  return {
    domain,
    now: dayOf(data.now),
    forged,
    genuine,
    deciders: new Set(attendance.reporters),
    others: new Map(data.others?.reporters.map(({ reporter, standing }) => [reporter, standing])),
    known,
  };
}

/** A window of their rows alone: habit is what they reported before. */
function undecidedWindow({ domain, others, policyDays, ...data }: DomainData, known: readonly KnownFinding[]): UndecidedWindow {
  if (others === null) return { window: null, others: [], told: new Set() };
  const { reporterDays } = others;
  const window: DomainWindow = {
    domain,
    from: others.from,
    today: others.today,
    domainDays: domainDaysOf(reporterDays, false),
    reporterDays,
    attendance: new Attendance(reporterDays),
    budget: budgetOf(data),
    networks: others.networks,
    names: NO_NAMES,
    policyDays: [],
    policy: currentPolicy(policyDays),
    excluded: new Set(),
    known: known.filter(({ kind }) => rulesOf('undecided').some((rule) => rule.kind === kind)),
  };
  return { window, others: others.reporters, told: new Set() };
}

const NO_NAMES: SubdomainNames = { largest: [], names: 0 };
const NO_NETWORKS = { networks: 0, failed: 0, days: [] };

/** Keeps quiet what somebody expects, unless it is graver than it was then. */
function quietWhenExpected(expected: NonNullable<DomainData['expected']>) {
  return (one: Candidate): Candidate => {
    const known = expected.find(({ kind, subject }) => kind === one.kind && subject === one.subject);
    return known && rankOf(one.severity) <= rankOf(known.severity) ? { ...one, quiet: true } : one;
  };
}

/**
 * Adds to every finding, whatever its kind, which of the usual reporters have not reported on its last day.
 */
function withMissing(attendance: Attendance) {
  return (one: Candidate): Candidate => ({ ...one, evidence: { ...one.evidence, missing: attendance.missing(one.last_day) } });
}

/** The newest report days, newest first. */
export function domainDaysOf(reporterDays: readonly ReporterDay[], byKnown: boolean): DomainDay[] {
  const days = new Map<string, DomainDay>();
  for (const { day, reporter, messages } of reporterDays) {
    const one = days.get(day) ?? { day, messages: 0, reporters: [] };
    one.messages += messages;
    one.reporters.push(reporter);
    days.set(day, one);
  }
  const newest = [...days.values()].sort((a, b) => (a.day < b.day ? 1 : -1)).slice(0, DOMAIN_DAYS);
  return byKnown ? newest.map((day) => ({ ...day, known: day.reporters })) : newest;
}

/**
 * Networks that a person approved are not unauthorized. (A network has no signer, so no entry of a service
 * applies to it.)
 */
function approvedNetworks({ networks, senderList }: DomainData): string[] {
  const sources = networks?.largest.map(({ source }) => source) ?? [];
  return sources.filter((source) => entryOf(senderList, source, null)?.verdict === 'approved');
}
