import type { Ending } from '../findings/end-reasons.ts';
import { rankOf } from '../shared/severity.ts';
import type { FailedCheck } from '../store/analysis/signatures.ts';
import type { Candidate, KnownFinding } from '../store/findings/findings.ts';
import type { DomainData } from './domain-data.ts';
import { arrivalWindow, budgetOf, dnsWindow, domainWindow, sendingWindow, undecidedWindow } from './domain-windows.ts';
import type { ExaminedSources } from './examine-sources.ts';
import { type FindingChanges, isHeard, reconcile } from './lifecycle.ts';
import { currentPolicy } from './policy.ts';
import { joinCauses, withLookups } from './published/causes.ts';
import { joinDrifts } from './published/drifts.ts';
import { ruleOf, rulesOf } from './rules/index.ts';
import { newsSince } from './rules/new_source.ts';
import { policyChanges } from './rules/policy_change.ts';
import type { RuleOf } from './rules/rule.ts';
import type {
  ArrivalWindow,
  DnsWindow,
  DomainWindow,
  IncidentWindow,
  SenderWindow,
  SendingWindow,
  SourceWindow,
  UndecidedWindow,
} from './rules/window.ts';
import { joinSurges } from './senders/joined-surges.ts';
import { joinOneCause } from './senders/one-cause.ts';
import { replaysOf } from './senders/replay.ts';
import { quietNeighbours } from './senders/same-hoster.ts';
import { quietSiblings } from './senders/siblings.ts';
import { unalignedTogether } from './senders/unaligned-units.ts';
import { isAligned, type SenderData } from './senders/units.ts';
import { SenderWindows } from './senders/windows.ts';
import { isNetwork } from './sources/network.ts';
import { bearable } from './statistics/confidence.ts';
import { Attendance } from './statistics/habit.ts';

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
  /** Null: the logs show nothing of the domain. */
  sending: SendingWindow | null;
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
  const windows = windowsOf(data, sources, attendance, known);
  const { domain, sending } = windows;
  const candidates = [
    ...ofSourcesAndSenders(data, sources, windows, known),
    ...rulesOf('incident').flatMap((rule) => rule.find(windows.incident)),
    ...(domain === null ? [] : rulesOf('domain').flatMap((rule) => rule.find(domain))),
    ...rulesOf('arrival').flatMap((rule) => rule.find(windows.arrival)),
    ...rulesOf('dns').flatMap((rule) => rule.find(windows.dns)),
    ...(sending === null ? [] : rulesOf('sending').flatMap((rule) => rule.find(sending))),
  ];
  const told = new Set([...candidates, ...known.filter((one) => one.state === 'open')].map(({ kind }) => kind));
  windows.undecided = { ...windows.undecided, told };
  candidates.push(...rulesOf('undecided').flatMap((rule) => rule.find(windows.undecided)));
  return reconcile(
    quietNeighbours(
      quietSiblings(
        withLookups(joinCauses(joinDrifts(candidates, data.known), data.known), data.check ?? null),
        known,
        data.catalogue,
      ),
      known,
    )
      .map(withMissing(attendance))
      .map((one) => ({ ...one, severity: bearable(one.severity, one.confidence) }))
      .map(quietWhenExpected(data.expected ?? [])),
    data.known,
    (finding) => overOf(finding, data.domain, windows),
    data,
  );
}

function windowsOf(
  data: DomainData,
  { senders, windowOf }: ExaminedSources,
  attendance: Attendance,
  known: readonly KnownFinding[],
): Windows {
  return {
    source: windowOf,
    senders: data.senders
      ? new SenderWindows({ ...data, keyUses: data.keyUses ?? [], known, budget: budgetOf(data), windowOf }, data.senders)
      : null,
    incident: { senders, policy: currentPolicy(data.policyDays), changes: policyChanges(data.policyDays) },
    domain: domainWindow(data, senders, attendance, known),
    arrival: arrivalWindow(data, attendance, known),
    dns: dnsWindow(data, known),
    sending: sendingWindow(data, known),
    undecided: undecidedWindow(data, known),
  };
}

/**
 * What the rules about sources and senders find; what several sources of a sender have in common is one
 * finding.
 */
function ofSourcesAndSenders(
  data: DomainData,
  { windowOf }: ExaminedSources,
  windows: Windows,
  known: readonly KnownFinding[],
): Candidate[] {
  const byKey = new Map((data.senders ?? []).map((one) => [one.key, one]));
  const strays = straysOf(data.senders);
  const ofSources = data.sources.flatMap((source) => {
    const window = windowOf(source);
    // Only the rule about own servers asks for it, and looking for the sender of each source is quadratic.
    const signs = window.own ? signsElsewhere(data.senders ?? [], source) : null;
    return findOf(rulesOf('source'), { ...window, uses: usesElsewhere(byKey, window), signs, strays: strays(source) });
  });
  const unaligned = unalignedTogether(data.unaligned ?? [], ofSources, { known, windowOf });
  const isTogether = (one: Candidate) => unaligned.some(({ kind, subject }) => kind === one.kind && subject === one.subject);
  const ofSenders = (windows.senders?.all ?? []).flatMap((window) =>
    findOf(rulesOf('sender'), window, aboutIts(window, ofSources)),
  );
  const replays = replaysOf(data, {
    windows: windows.senders?.windows ?? [],
    told: ofSenders,
    known,
    fresh: newsSince(data.today),
  });
  const joined = joinSurges(data.domain, joinOneCause(data.domain, [...ofSenders, ...replays], known), known);
  return [...ofSources.filter((one) => !isTogether(one)), ...unaligned, ...joined];
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

/**
 * The part of the passing mail of a source's sender that is signed, without that of its own and of younger
 * ones.
 */
function signsElsewhere(senders: readonly SenderData[], source: string): number | null {
  for (const { sources } of senders) {
    const own = sources.find((one) => one.source === source);
    if (own !== undefined) return signedPart(sources.filter((one) => one.first_day < own.first_day && isAligned(one)));
  }
  return null;
}

function signedPart(sources: SenderData['sources']): number | null {
  const passed = sources.reduce((n, one) => n + one.passed, 0);
  return passed < USED ? null : sources.reduce((n, one) => n + one.dkim_aligned, 0) / passed;
}

/**
 * A domain signs, if this part of its passing mail is: what others pass on of it would have its signature.
 */
const SIGNS = 0.9;

/**
 * The most mail of any stranger but the source itself; null for a domain that does not sign, or whose senders
 * were not loaded.
 */
function straysOf(senders: DomainData['senders']): (source: string) => number | null {
  const all = (senders ?? []).flatMap(({ sources }) => sources);
  const passed = all.reduce((n, one) => n + one.passed, 0);
  if (passed === 0 || all.reduce((n, one) => n + one.dkim_aligned, 0) < SIGNS * passed) return () => null;
  const strangers = all.filter((one) => one.passed === 0 && one.class !== 'forwarded' && !isNetwork(one.source));
  const [most, second] = strangers.sort((a, b) => b.messages - a.messages);
  return (source) => (most?.source === source ? second : most)?.messages ?? 0;
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
    case 'sending':
      return windows.sending && rule.over(finding, windows.sending);
    case 'undecided':
      return windows.domain && rule.over(finding, windows.undecided);
    default:
      return null;
  }
}

/** Keeps quiet what somebody expects, unless it is more severe than it was then. */
function quietWhenExpected(expected: NonNullable<DomainData['expected']>) {
  return (one: Candidate): Candidate => {
    const known = expected.find(({ kind, subject }) => kind === one.kind && subject === one.subject);
    return known && rankOf(one.severity) <= rankOf(known.severity) ? { ...one, quiet: true } : one;
  };
}
/**
 * Adds to every finding, whatever its kind, which of the usual reporters have not reported on its last day.
 */
export function withMissing(attendance: Attendance) {
  return (one: Candidate): Candidate => ({ ...one, evidence: { ...one.evidence, missing: attendance.missing(one.last_day) } });
}
