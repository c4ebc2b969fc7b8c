import { addDays } from '../shared/days.ts';
import { groupBy } from '../shared/group-by.ts';
import type { SourceClass, SourceDay } from '../store/analysis/window-reads.ts';
import type { Identity, NetworkFacts } from '../store/sources/identities.ts';
import type { ListEntry } from '../store/sources/sender-list.ts';
import type { DomainData } from './domain-data.ts';
import { budgetOf, domainDaysOf } from './domain-windows.ts';
import { isHeard } from './lifecycle.ts';
import { currentPolicy } from './policy.ts';
import { examineSender } from './rules/authentication_regression.ts';
import { BrokenSenders } from './rules/broken_senders.ts';
import { type SourceWindow, total } from './rules/window.ts';
import { examineUnits } from './senders/broken-units.ts';
import type { Sender } from './senders/catalogue.ts';
import { entryOf } from './senders/load.ts';
import { isAligned, senderOfPart } from './senders/units.ts';
import { carriedFor, type DeniedMail, signingKeys, spfTerms } from './sources/admission.ts';
import { classify } from './sources/classes.ts';
import { type Identified, identify, isOwnByName, isOwnServer } from './sources/identity.ts';
import { isNetwork } from './sources/network.ts';
import { ownerOf } from './sources/owner.ts';
import { levelOf, onceLevelOf } from './statistics/budget.ts';
import { Attendance } from './statistics/habit.ts';
import { UNAUTHORIZED_DAYS } from './unauthenticated/part.ts';

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
    // One that is gone is what it was.
    const before = window.rows.length > 0 ? [] : windows.past(source);
    const found = classify(before.length === 0 ? window : { ...window, rows: before });
    // A domain that no trusted report covers has proven nothing: what was known of it stays.
    const covered = window.rows.length + before.length > 0;
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
 * Judges the sources of each sender together, for what none of them shows by itself. To be asked after
 * examineSources, and before what broke is looked up in the records.
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
  readonly #past = new Map<string, SourceDay[]>();
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
    this.#past = groupBy(data.past ?? [], ({ source }) => source);
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

  /** What a source sent before the window, where that was looked up. */
  past(source: string): readonly SourceDay[] {
    return this.#past.get(source) ?? [];
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
   * A network is named by its reverse names, which are not the service's word: what a person said of the
   * service is said of its aligned mail alone.
   */
  #entryOf(source: string, sender: Sender | null): ListEntry | null {
    const sum = total(this.#rows.get(source) ?? []);
    const own = !isNetwork(source) || (sum.messages > 0 && isAligned(sum));
    return entryOf(this.#data.senderList, source, own ? (sender?.id ?? null) : null);
  }

  /** The keys and the terms of SPF by which mail of a denied source passes of late. */
  #howItPasses(source: string, sender: Sender | null, denied: DeniedMail): NonNullable<SourceWindow['denied']> {
    const { domain, today } = this.#data;
    return {
      keys: signingKeys(denied, source, addDays(today, 1 - UNAUTHORIZED_DAYS)),
      terms: spfTerms({ domain, source, include: sender?.include ?? [] }, denied),
    };
  }

  #windowOf(source: string): Omit<SourceWindow, 'broken'> {
    const data = this.#data;
    const { sender, identity } = this.identified(source);
    const listed = this.#entryOf(source, sender);
    const own = isOwnServer(data.domain, this.#facts.get(source), data.catalogue);
    const carries = data.denied && !own && isNetwork(source) ? carriedFor(data.denied, source) : null;
    return {
      ...this.#shared,
      source,
      rows: this.#rows.get(source) ?? [],
      past: this.past(source),
      firstSeen: data.firstSeen.get(source) ?? null,
      borrowed: data.borrowed.get(source) ?? null,
      keys: data.keys.get(source) ?? null,
      relayed: data.relayed.get(source) ?? 0,
      mixed: data.mixed?.has(source) ?? false,
      scatter: data.scatter?.get(source) ?? null,
      uses: false,
      sender,
      listed,
      ...(listed?.verdict === 'denied' && data.denied && { denied: this.#howItPasses(source, sender, data.denied) }),
      ...(carries !== null && { carries }),
      own,
      ownByName: isOwnByName(data.domain, this.#facts.get(source)),
      admittedBy: this.#facts.get(source)?.admitted_by ?? null,
      outgrown: data.outgrown?.get(source) ?? null,
      host: this.#facts.get(source)?.name ?? null,
      owner: ownerOf(identity),
    };
  }
}
