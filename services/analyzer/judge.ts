import type { FailedCheck, Keys } from '../store/analysis/signatures.ts';
import type {
  ClassVolume,
  DomainDay,
  Networks,
  PolicyDay,
  ReporterDay,
  SourceClass,
  SourceDay,
} from '../store/analysis/window-reads.ts';
import type { Confirmation } from '../store/domains/domains.ts';
import type { Candidate, KnownFinding } from '../store/findings/findings.ts';
import type { ForgedDay, GenuineReports } from '../store/reports/trust-checks.ts';
import type { SubdomainNames } from '../store/rollups/subdomain-days.ts';
import type { Identity, NetworkFacts } from '../store/sources/identities.ts';
import type { ListEntry } from '../store/sources/sender-list.ts';
import { decide, isHeard, type Moment, type Outcome } from './lifecycle.ts';
import { currentPolicy } from './policy.ts';
import { alignmentFailure, alignmentFailureResolved } from './rules/alignment_failure.ts';
import { authenticationRegression, authenticationRegressionResolved } from './rules/authentication_regression.ts';
import { BrokenSenders } from './rules/broken_senders.ts';
import { deniedSource, deniedSourceResolved } from './rules/denied_source.ts';
import { forgedReport, forgedReportResolved } from './rules/forged_report.ts';
import { newSource, newSourceResolved } from './rules/new_source.ts';
import { policyChange, policyChangeResolved } from './rules/policy_change.ts';
import { policyReady, policyReadyResolved } from './rules/policy_ready.ts';
import { reporterSilent, reporterSilentResolved } from './rules/reporter_silent.ts';
import { reportsStopped, reportsStoppedResolved } from './rules/reports_stopped.ts';
import { DOMAIN_DAYS } from './rules/silence.ts';
import { subdomainAbuse, subdomainAbuseResolved } from './rules/subdomain_abuse.ts';
import { unauthorizedSource, unauthorizedSourceResolved } from './rules/unauthorized_source.ts';
import { type OthersWindow, unconfirmedReport, unconfirmedReportResolved } from './rules/unconfirmed_report.ts';
import { verdictMismatch, verdictMismatchResolved } from './rules/verdict_mismatch.ts';
import { volumeSurge, volumeSurgeResolved } from './rules/volume_surge.ts';
import type { Catalogue } from './senders/catalogue.ts';
import { entryOf } from './senders/load.ts';
import { classify } from './sources/classes.ts';
import { identify, isNetwork } from './sources/identity.ts';
import { levelOf, onceLevelOf } from './statistics/budget.ts';
import { Attendance } from './statistics/habit.ts';
import { short } from './text.ts';
import type { DomainWindow, ReporterWindow, SourceWindow } from './window.ts';

/** Everything that was loaded of one domain. */
export interface Case extends Moment {
  domain: string;
  /** First day of the window. */
  from: string;
  /** The sources the work names; their rows are complete within the window, and there are rows of no others. */
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
  /** The first day of each source, where it is known. */
  firstSeen: ReadonlyMap<string, string>;
  /** `analyzer.false_alarms_per_month` */
  falseAlarmsPerMonth: number;
  /** What did not pass in the mail of `Judgement.broken`; without it findings do not name it. */
  failedChecks?: readonly FailedCheck[];
  policyDays: readonly PolicyDay[];
  known: readonly KnownFinding[];
  /** Null: more work of this domain waits, and the domain as a whole is judged with the last of it. */
  networks: Networks | null;
  /** The names below the domain that unauthenticated mail of the newest days came under. */
  names: SubdomainNames;
  /** What the enricher found out about those sources that are networks. */
  facts: readonly NetworkFacts[];
  /** What those tell whose word decides nothing; null where there are none, or more work of the domain waits. */
  others: Others | null;
  forged: readonly ForgedDay[];
  genuine: readonly GenuineReports[];
  /** The mail services and forwarders that are known by name. */
  catalogue: Catalogue;
  /** What persons say of sources: the entries that stand for this domain. */
  senderList: readonly ListEntry[];
  /** What DNS says of the way of its reports to us; absent or null: nothing was asked. */
  confirmation?: Confirmation | null;
}

/** The rows of the reporters that decide nothing, and who they are. */
export interface Others {
  reporters: OthersWindow['others'];
  from: string;
  today: string;
  reporterDays: readonly ReporterDay[];
  networks: Networks;
}

export interface Judgement extends Outcome {
  classes: SourceClass[];
  identities: Identity[];
  /** The sources of the work that broke, and since when. */
  broken: { source: string; since: string }[];
}

/** Judges a domain: no I/O, no clock, and the order of rows does not matter. */
export function judge(given: Case): Judgement {
  const { domain, from, today, reporterDays } = given;
  const known = given.known.filter(isHeard);
  const policy = currentPolicy(given.policyDays);
  const domainDays = domainDaysOf(reporterDays, given.byKnown);
  const attendance = new Attendance(reporterDays);
  const level = levelOf(given.falseAlarmsPerMonth, given.testedSources);
  const onceLevel = onceLevelOf(given.falseAlarmsPerMonth, given.newcomers);
  const rowsOf = new Map<string, SourceDay[]>(given.sources.map((source) => [source, []]));
  for (const row of given.rows) rowsOf.get(row.source)?.push(row);
  const factsOf = new Map(given.facts.map((facts) => [facts.source, facts]));
  const identified = (source: string) =>
    identify({ domain, source, rows: rowsOf.get(source) ?? [] }, factsOf.get(source) ?? null, given.catalogue);
  const windowOf = (source: string): SourceWindow => {
    const rows = rowsOf.get(source) ?? [];
    const { sender } = identified(source);
    // A reverse name is not a service's word: what a person said of the service is said of what it authenticates.
    const listed = entryOf(given.senderList, source, isNetwork(source) ? null : (sender?.id ?? null));
    const firstSeen = given.firstSeen.get(source) ?? null;
    return {
      domain,
      source,
      from,
      today,
      rows,
      domainDays,
      reporterDays,
      attendance,
      firstSeen,
      level,
      onceLevel,
      borrowed: given.borrowed.get(source) ?? null,
      keys: given.keys.get(source) ?? null,
      policy,
      sender,
      listed,
      known,
    };
  };

  const classes: SourceClass[] = [];
  const identities: Identity[] = [];
  const candidates: Candidate[] = [];
  const waiting = new Set(given.known.flatMap((finding) => finding.waiting));
  const broken = new BrokenSenders(domain, today, given.known, given.failedChecks ?? []);
  for (const source of given.sources) {
    const window = windowOf(source);
    const { identity } = identified(source);
    const found = classify(window);
    // A domain that no trusted report tells of has proven nothing: what was known of it stays.
    const told = window.rows.length > 0;
    if (told || isNetwork(source)) identities.push(identity);
    classes.push(told ? { ...found, why: `${found.why} ${identity.evidence}` } : found);
    // A denied sender is nobody's to mend: whatever it does, no advice helps it to pass.
    if (window.listed?.verdict === 'denied') {
      broken.mend(source, DENIED);
      candidates.push(...deniedSource(window));
      continue;
    }
    const regression = authenticationRegression(window);
    const before = broken.part(source);
    if (regression) broken.hold(regression);
    else if (before) {
      const over = authenticationRegressionResolved(before, window);
      if (over !== null) broken.mend(source, over);
    }
    // One cause, one finding.
    if (broken.part(source) === null) candidates.push(...alignmentFailure(window));
    const fresh = newSource(window);
    candidates.push(...(fresh.length > 0 ? fresh : volumeSurge(window)));
  }

  // Of a sender that the work does not name nothing newer came, and its silence may end it.
  for (const source of broken.sources.filter((one) => !rowsOf.has(one) && !waiting.has(one))) {
    const over = authenticationRegressionResolved(broken.part(source)!, windowOf(source));
    if (over !== null) broken.mend(source, over);
  }
  candidates.push(...broken.candidates(policy));

  const domainWindow: DomainWindow | null = given.networks && {
    domain,
    from,
    today,
    domainDays,
    reporterDays,
    attendance,
    falseAlarmsPerMonth: given.falseAlarmsPerMonth,
    networks: given.networks,
    names: given.names,
    policyDays: given.policyDays,
    policy,
    excluded: new Set([...broken.sources, ...approvedNetworks(given)]),
    known,
  };
  if (domainWindow) {
    candidates.push(...unauthorizedSource(domainWindow), ...policyChange(domainWindow), ...reporterSilent(domainWindow));
    candidates.push(...subdomainAbuse(domainWindow), ...verdictMismatch(domainWindow));
  }
  const telling = new Set([...candidates, ...known.filter((one) => one.state === 'open')].map(({ kind }) => kind));
  const others = othersWindow(given, known);
  if (others) candidates.push(...unconfirmedReport(others, telling));
  const { forged, genuine } = given;
  const reporterWindow: ReporterWindow = { domain, now: given.now.toISOString().slice(0, 10), forged, genuine, known };
  candidates.push(
    ...forgedReport(reporterWindow).map((one) => (attendance.reporters.includes(one.subject) ? one : restingOn(given, one))),
  );
  const confirmation = given.confirmation ?? null;
  candidates.push(...reportsStopped(domain, confirmation, known));

  const denied = (source: string) => rowsOf.has(source) && windowOf(source).listed?.verdict === 'denied';
  const resolve = (finding: KnownFinding): string | null => {
    if (finding.pending) return null;
    switch (finding.kind) {
      // For a source the work does not name the window has no rows: nothing newer came of it, and its silence may end it.
      case 'alignment_failure':
        if (denied(finding.subject)) return DENIED;
        return broken.part(finding.subject) !== null
          ? 'It used to pass: see authentication_regression.'
          : alignmentFailureResolved(finding, windowOf(finding.subject));
      case 'authentication_regression':
        return broken.ended(finding);
      case 'unauthorized_source':
        if (finding.subject !== domain) return deniedSourceResolved(finding, windowOf(finding.subject));
        return domainWindow && unauthorizedSourceResolved(finding, domainWindow);
      case 'subdomain_abuse':
        return domainWindow && subdomainAbuseResolved(finding, domainWindow);
      case 'policy_change':
        return domainWindow && policyChangeResolved(finding, domainWindow);
      case 'new_source':
        return newSourceResolved(finding, windowOf(finding.subject));
      case 'volume_surge':
        return volumeSurgeResolved(finding, windowOf(finding.subject));
      case 'verdict_mismatch':
        return domainWindow && verdictMismatchResolved(finding, domainWindow);
      case 'reporter_silent':
        return domainWindow && reporterSilentResolved(finding, domainWindow);
      case 'unconfirmed_report':
        return domainWindow && unconfirmedReportResolved(finding, others, telling);
      case 'forged_report':
        return forgedReportResolved(finding, reporterWindow);
      case 'reports_stopped':
        return reportsStoppedResolved(finding, confirmation);
      default:
        return null;
    }
  };
  return {
    classes,
    identities,
    broken: broken.held,
    ...decide(candidates.map(withMissing(attendance)), given.known, resolve, given),
  };
}

/**
 * Judges whether the next step of policy is safe: that rests on the classes of all sources, so it comes after they are written.
 * @param known from loadFindings, after the others were written
 */
export function judgeReadiness(
  given: Omit<Case, 'networks' | 'names'>,
  known: readonly KnownFinding[],
  volumes: readonly ClassVolume[],
): Outcome {
  const { domain, from, today, reporterDays, policyDays, falseAlarmsPerMonth } = given;
  const window: DomainWindow = {
    domain,
    from,
    today,
    domainDays: domainDaysOf(reporterDays, given.byKnown),
    reporterDays,
    attendance: new Attendance(reporterDays),
    falseAlarmsPerMonth,
    networks: { largest: [], others: NO_NETWORKS, others_below: NO_NETWORKS },
    names: NO_NAMES,
    policyDays,
    policy: currentPolicy(policyDays),
    excluded: new Set(),
    known,
  };
  const resolve = (finding: KnownFinding) =>
    finding.kind === 'policy_ready' && !finding.pending ? policyReadyResolved(finding, window) : null;
  return decide(policyReady(window, volumes).map(withMissing(window.attendance)), known, resolve, given);
}

/** What is forged in the name of somebody whose word decides nothing may be his own doing, against himself: it is told, and wakes nobody. */
function restingOn({ others }: Case, forged: Candidate): Candidate {
  const reporter = forged.subject;
  const standing = others?.reporters.find((one) => one.reporter === reporter)?.standing ?? 'new';
  const { evidence } = forged;
  return {
    ...forged,
    severity: 'low',
    quiet: true,
    evidence: {
      ...evidence,
      what: `${evidence.what} This rests on the word of ${short(reporter, 60)} alone, whose standing is ${standing}.`,
      resting_on: [{ reporter, standing }],
    },
  };
}

/** A window of their rows alone: what is habit of them is judged by what they told before. */
function othersWindow(
  { domain, others, falseAlarmsPerMonth, policyDays }: Case,
  known: readonly KnownFinding[],
): OthersWindow | null {
  if (others === null) return null;
  const { reporterDays } = others;
  return {
    others: others.reporters,
    window: {
      domain,
      from: others.from,
      today: others.today,
      domainDays: domainDaysOf(reporterDays, false),
      reporterDays,
      attendance: new Attendance(reporterDays),
      falseAlarmsPerMonth,
      networks: others.networks,
      names: NO_NAMES,
      policyDays: [],
      policy: currentPolicy(policyDays),
      excluded: new Set(),
      known: known.filter(({ kind }) => kind === 'unconfirmed_report'),
    },
  };
}

const NO_NAMES: SubdomainNames = { largest: [], names: 0 };

/** Says with every finding, whatever its kind, which of the usual reporters have not spoken of its last day. */
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

const NO_NETWORKS = { networks: 0, failed: 0 };

const DENIED = 'The source is denied by the list of senders: there is nothing to mend.';

/** Networks that a person approved are nobody unauthorized. (A network has no signer, so no entry of a service speaks of it.) */
function approvedNetworks({ networks, senderList }: Case): string[] {
  const sources = networks?.largest.map(({ source }) => source) ?? [];
  return sources.filter((source) => entryOf(senderList, source, null)?.verdict === 'approved');
}
