import type { DeclaredSenders } from '../../dns/guard/senders.ts';
import type { Posture } from '../../dns/posture/posture.ts';
import type { SeenRecords } from '../../dns/posture/records.ts';
import { byDecision } from '../../findings/end-reasons.ts';
import type { TagChange } from '../../findings/figures.ts';
import { later } from '../../shared/days.ts';
import type { ForgedDay, GenuineReports } from '../../store/analysis/forged-reports.ts';
import type { Scatter } from '../../store/analysis/scatter.ts';
import type { KeyUse } from '../../store/analysis/senders.ts';
import type { Keys } from '../../store/analysis/signatures.ts';
import type { Silence, Spread } from '../../store/analysis/silences.ts';
import type { DomainDay, Networks, PolicyDay, ReporterDay, SourceDay } from '../../store/analysis/window-reads.ts';
import type { StoredCheck } from '../../store/dns/checks.ts';
import type { StoredDrifts } from '../../store/dns/drifts.ts';
import type { StoredLookalike } from '../../store/dns/lookalikes.ts';
import type { KeyMail, Published, SpfMail } from '../../store/dns/published.ts';
import type { Confirmation } from '../../store/domains/domains.ts';
import type { DatedMonth } from '../../store/domains/report-month.ts';
import type { KnownFinding, ToldElsewhere } from '../../store/findings/findings.ts';
import { SOURCE_COUNTS } from '../../store/rollups/source-counts.ts';
import type { SubdomainNames } from '../../store/rollups/subdomain-days.ts';
import type { Sending } from '../../store/sending/judged.ts';
import type { ListEntry } from '../../store/sources/sender-list.ts';
import type { Sender } from '../senders/catalogue.ts';
import type { SenderData } from '../senders/units.ts';
import type { SigningKey } from '../sources/admission.ts';
import type { Standing } from '../standing.ts';
import type { Budget } from '../statistics/budget.ts';
import type { Attendance } from '../statistics/habit.ts';
import type { BrokenSenders } from './broken_senders.ts';

/** What a rule for one source may look at: its rows of the window, whatever their order. */
export interface SourceWindow {
  domain: string;
  source: string;
  /** First and last day of the window; the last is the newest report day of the domain. */
  from: string;
  today: string;
  rows: readonly SourceDay[];
  /** Its rows before the window, of one that may have come back (mayReturn); absent: not looked up. */
  past?: readonly SourceDay[];
  /** The newest report days of the domain, newest first. */
  domainDays: readonly DomainDay[];
  /** Of the whole window. */
  reporterDays: readonly ReporterDay[];
  attendance: Attendance;
  /** The first day the source was ever seen; null when that is not known. */
  firstSeen: string | null;
  /**
   * How unlikely what a rule finds must be: the budget of false alarms, spread over the domain's sources
   * (budget.ts).
   */
  level: number;
  /** The same for what is tested once of each new source, whatever the number of days. */
  onceLevel: number;
  /**
   * The part of its signed mail whose selector older sources sign with as well, 0 to 1; null when that was
   * not checked, or no report says.
   */
  borrowed: number | null;
  /** With whose keys it signs as the domain; null when that was not checked, or no report says. */
  keys: Keys | null;
  /** Messages whose signature as the domain does not verify here and does elsewhere (loadRelayed). */
  relayed: number;
  /**
   * It passes on mail of several authors of the domain, by their keys (sources/mix.ts); absent: not looked
   * up.
   */
  mixed?: boolean;
  /** The policy that most reporters last saw; null when none is known. */
  policy: string | null;
  /** From how many networks its failing mail comes; null or absent where that was not looked up. */
  scatter?: Scatter | null;
  /** Aligned mail of the same service comes from other sources as well. */
  uses: boolean;
  /**
   * Of the passing mail that older sources of the same sender sent, the part that is signed as the domain, 0
   * to 1; null when there is too little, or that was not looked up.
   */
  signs?: number | null;
  /** A confirmed reverse name of its addresses, if they have one below the domain. */
  host?: string | null;
  /** Whose network it is, by its number, else by its names; null or absent when that is not known. */
  owner?: string | null;
  /**
   * The most messages that any other stranger brought, in the whole window; null or absent where that was not
   * looked up.
   */
  strays?: number | null;
  /** The mail service or forwarder that the source is known as; null when the catalogue does not know it. */
  sender: Sender | null;
  /**
   * What a person says about the source: the current entry of the domain's own list; null when there is none.
   */
  listed: ListEntry | null;
  /** What is known of how its mail passes, if it is denied; absent: it is not. */
  denied?: { keys: readonly SigningKey[]; terms: readonly string[] };
  /** The denied source whose mail comes over this network, and nothing else that is signed (carriedFor). */
  carries?: string;
  /** One of the domain's own servers: see isOwnServer. */
  own: boolean;
  /**
   * It is one of them by its confirmed names, and not by the SPF record alone, which may admit a shared
   * network.
   */
  ownByName?: boolean;
  /** The term of the domain's own SPF record that admits it; null or absent when none is known to. */
  admittedBy?: string | null;
  /**
   * The service of the domain's that sends from there although its SPF record does not list the network; see
   * loadOutgrown.
   */
  outgrown?: Sender | null;
  /** It is part of an open or new authentication_regression. */
  broken: boolean;
  /** The report day up to which its breaking is settled; absent: what is on file for this source says so. */
  settled?: string;
  /** What is on file for this source: the open finding of each kind, else the newest resolved one. */
  known: readonly KnownFinding[];
}

/**
 * What a rule for one sender may look at: `source` is its key, and `rows` are those of its aligned sources,
 * added up by day and reporter.
 */
export interface SenderWindow extends SourceWindow {
  of: SenderData;
  /** All senders of the domain, this one among them. */
  senders: readonly SenderData[];
  /** Which keys the sources of the domain sign with; empty where that was not loaded. */
  keyUses: readonly KeyUse[];
}

/** What a rule for the domain as a whole may look at. */
export interface DomainWindow {
  domain: string;
  from: string;
  today: string;
  domainDays: readonly DomainDay[];
  /** Of the whole window. */
  reporterDays: readonly ReporterDay[];
  attendance: Attendance;
  budget: Budget;
  /** Failing mail that nothing authenticates, of the newest UNAUTHORIZED_DAYS days. */
  networks: Networks;
  /** The names below the domain that such mail of those days came under. */
  names: SubdomainNames;
  policyDays: readonly PolicyDay[];
  policy: string | null;
  /** What other domains say of the reporters; absent where nothing is known of it. */
  reporting?: Reporting;
  /** Sources whose mail is the business of another finding. */
  excluded: ReadonlySet<string>;
  /** What a person said of networks that are denied. Absent: none is. */
  denied?: ReadonlyMap<string, ListEntry>;
  /** Those of the networks that belong to services that the domain sends through. Absent: none. */
  used?: ReadonlyMap<string, Sender>;
  /** Networks whose names are being looked up: one of them may yet be an own server. Absent: none. */
  unnamed?: ReadonlySet<string>;
  known: readonly KnownFinding[];
}

/** What is known of reporters beside the rows of the deciding ones. */
export interface Reporting {
  /** What other domains have been mailed about and may have the same cause. */
  elsewhere: readonly ToldElsewhere[];
  /** Of reporters that fell silent here, from loadSpread: on how many other domains they did, and did not. */
  spread: ReadonlyMap<string, Spread>;
  /** How many days late they used to report; absent for one of which that is not known. */
  lateness?: ReadonlyMap<string, number>;
  /** The newest day of those that decide nothing: one may be another under a new name or address. */
  undecided: ReadonlyMap<string, string>;
  /** What the watcher saw of the domain's records; absent or null: it is not watched. */
  published?: Published | null;
}

/** What the rule about the senders that broke sees. */
export interface IncidentWindow {
  senders: BrokenSenders;
  /** The policy that most reporters last saw; null when none is known. */
  policy: string | null;
  /** What changed of it in the window. */
  changes: readonly TagChange[];
}

/** How far a domain has come, and what that was judged by. */
export interface Standpoint {
  posture: Posture;
  records: SeenRecords;
  /** Null when no deciding report is about the last month. */
  month: DatedMonth | null;
}

/** What a rule about the next policy sees, after the classes of all sources are written. */
export interface ReadinessWindow extends Pick<DomainWindow, 'domain' | 'today' | 'policyDays' | 'policy' | 'known'> {
  /** How far the domain has come, and what that was judged by. */
  standpoint: Standpoint;
}

/** What a rule about the way of the reports sees. */
export interface DnsWindow {
  domain: string;
  /** What DNS says of the way of the domain's reports to us; null when nothing was asked. */
  confirmation: Confirmation | null;
  /** That nobody reports on it any more, as the clock found it; null while somebody does. */
  silence: Silence | null;
  /** The newest day that is reported on. */
  today: string;
  /** What other domains have been mailed about and may have the same cause. */
  elsewhere: readonly ToldElsewhere[];
  known: readonly KnownFinding[];
  /** The time by the clock. */
  now?: Date;
  /** What the watcher saw; null or absent: the domain is not watched. */
  published?: Published | null;
  /** What `dns check` finds wrong; null or absent: it was not checked. */
  check?: StoredCheck | null;
  /**
   * What differs from mail-guard.yaml; null: it declares nothing of the domain; absent: it was not looked up.
   */
  drift?: StoredDrifts | null;
  /** What changed of names that look like it; absent: it was not looked up. */
  lookalikes?: readonly StoredLookalike[];
  /** The mail of the keys that are gone or revoked. */
  keyMail?: readonly KeyMail[];
  /**
   * Where mail came from that passed SPF, of sources that are no networks; loaded when the SPF record lost
   * something.
   */
  spfMail?: readonly SpfMail[];
  /** The senders of aligned mail; null or absent: more work of the domain waits. */
  senders?: readonly SenderData[] | null;
  /** Report days in the window. */
  days?: number;
}

/**
 * What a rule about the logs of sending sees: only messages that are judged, so that no line of them is
 * awaited.
 */
export interface SendingWindow extends Sending {
  domain: string;
  /** The time by the clock. */
  now: Date;
  /** Who may send by mail-guard.yaml; null: it declares no workload; undefined: it could not be read. */
  declared: DeclaredSenders | null | undefined;
  /** What the watcher saw; null: the domain is not watched. */
  published: Published | null;
  known: readonly KnownFinding[];
}

/** What a rule about those reporters sees whose word decides nothing. */
export interface UndecidedWindow {
  /** Their rows alone, up to the newest day that they report on; null when there are none. */
  window: DomainWindow | null;
  others: readonly { reporter: string; standing: Standing }[];
  /** The kinds that hold or are open by the word of reporters that decide. */
  told: ReadonlySet<string>;
}

/** What a rule about reports by their day of arrival sees. */
export interface ArrivalWindow {
  domain: string;
  /**
   * Today by the clock: forged reports count on the day they arrive, because the day they are about is the
   * forger's choice.
   */
  now: string;
  forged: readonly ForgedDay[];
  genuine: readonly GenuineReports[];
  /** The reporters whose word decides, and what the word of the others is worth. */
  deciders: ReadonlySet<string>;
  others: ReadonlyMap<string, Standing>;
  known: readonly KnownFinding[];
}

/** The counts of SourceDay that add up. */
const COUNTS = ['messages', ...SOURCE_COUNTS] as const;
export type Counts = Record<(typeof COUNTS)[number], number>;

export function total(rows: readonly SourceDay[]): Counts {
  const sum = Object.fromEntries(COUNTS.map((name) => [name, 0])) as Counts;
  for (const row of rows) for (const name of COUNTS) sum[name] += row[name];
  return sum;
}

/**
 * A day of one source, over reporters. `failed` leaves out what a forwarder broke: that says nothing about
 * the sender.
 */
export interface Day {
  day: string;
  passed: number;
  failed: number;
}

/** The days on which the source's own mail was seen, oldest first. */
export function days(rows: readonly SourceDay[]): Day[] {
  const byDay = new Map<string, Day>();
  for (const row of rows) {
    const day = byDay.get(row.day) ?? { day: row.day, passed: 0, failed: 0 };
    day.passed += row.passed;
    day.failed += failedOf(row);
    byDay.set(row.day, day);
  }
  return [...byDay.values()].filter((day) => day.passed + day.failed > 0).sort((a, b) => (a.day < b.day ? -1 : 1));
}

export function failedOf(counts: Pick<SourceDay, 'failed_authenticated' | 'failed_unauthenticated'>): number {
  return counts.failed_authenticated + counts.failed_unauthenticated;
}

/** The reporters of the rows, those with the most messages first. */
export function reportersOf(rows: readonly SourceDay[]): string[] {
  const sums = new Map<string, number>();
  for (const row of rows) sums.set(row.reporter, (sums.get(row.reporter) ?? 0) + row.messages);
  return [...sums].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([reporter]) => reporter);
}

/** The foreign domain that signed most of the rows; null when none did. */
export function signerOf(rows: readonly SourceDay[]): string | null {
  const sums = new Map<string, number>();
  for (const row of rows) {
    if (row.signing_domain !== null) sums.set(row.signing_domain, (sums.get(row.signing_domain) ?? 0) + row.messages);
  }
  return [...sums].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))[0]?.[0] ?? null;
}

/**
 * At least this share of the failing mail called forwarded by its receivers: the rest went the same way,
 * unsaid.
 */
const FORWARDER_SHARE = 0.1;

/**
 * Whether a source is a forwarder or a mailing list by what the reporters say of its failing mail. Only some
 * reporters recognise forwarders (RFC 9990 keeps `trusted_forwarder`, `mailing_list` and `local_policy`), so
 * a part of it represents all.
 */
export function saidToForward(counts: Counts): boolean {
  const failing = counts.messages - counts.passed;
  return failing > 0 && counts.failed_forwarded >= FORWARDER_SHARE * failing;
}

/**
 * The least that is evidence and not an accident: ten messages (or what a rule says), and two reporters or
 * two days that show them. A single report needs a hundred, and a reporter that is known, or reports on the
 * domain on other days too: anybody can mail one report, of any size.
 */
export function isEvidence(
  seen: { messages: number; reporters: readonly string[]; days: number },
  domainDays: readonly DomainDay[],
  least = 10,
): boolean {
  if (seen.messages < least) return false;
  if (seen.reporters.length >= 2 || seen.days >= 2) return true;
  if (seen.messages < 100) return false;
  if (domainDays.some((day) => day.known?.some((reporter) => seen.reporters.includes(reporter)))) return true;
  return domainDays.filter((day) => day.reporters.some((reporter) => seen.reporters.includes(reporter))).length >= 2;
}

/**
 * The newest report days about which enough is known to say what did not happen on them: a day reported in
 * part proves no silence.
 */
export function coveredDays(window: Pick<SourceWindow, 'domainDays' | 'attendance'>): DomainDay[] {
  return window.domainDays.filter(({ day }) => window.attendance.isCovered(day));
}

/** The same for the rows of a source. */
export function coveredRows(window: SourceWindow): SourceDay[] {
  return window.rows.filter(({ day }) => window.attendance.isCovered(day));
}

/** The open finding of a kind, if there is one. */
export function openOf(known: readonly KnownFinding[], kind: string, subject: string): KnownFinding | undefined {
  return known.find((f) => f.kind === kind && f.subject === subject && f.state === 'open');
}

/**
 * The open finding of a kind about a sender. One that was opened about a source stays with it when that
 * becomes known as a part of a sender.
 */
export function openOfSender({ known, source, of }: SenderWindow, kind: string): KnownFinding | undefined {
  const names = new Set(of.sources.map((one) => one.source));
  return openOf(known, kind, source) ?? known.find((f) => f.kind === kind && f.state === 'open' && names.has(f.subject));
}

/** Up to which day a kind is settled for a sender: by a finding about itself, or about one of its sources. */
export function settledOfSender({ known, source, of }: SenderWindow, kind: string): string {
  return [source, ...of.sources.map((one) => one.source)].map((subject) => settledUntil(known, kind, subject)).reduce(later);
}

/**
 * The report day up to which a kind is settled for a subject: what it rests on until then does not open it
 * again. What a decision about the source ended was not looked into, and nothing is settled by it: taken
 * back, it leaves the evidence as it was.
 */
export function settledUntil(known: readonly KnownFinding[], kind: string, subject: string): string {
  const resolved = known.filter(
    (f) => f.kind === kind && f.subject === subject && f.state === 'resolved' && !byDecision(f.evidence.ended),
  );
  return resolved.map((f) => f.evidence.resolved_day ?? f.last_day).reduce(later, '');
}

/** By what the passing mail of a source passes. */
export function passedBy({ dkim_aligned, spf_aligned }: Pick<Counts, 'dkim_aligned' | 'spf_aligned'>): 'spf' | 'dkim' | 'both' {
  if (dkim_aligned === 0) return 'spf';
  return spf_aligned === 0 ? 'dkim' : 'both';
}

/** Three digits: enough to compare by. */
export function rounded(n: number): number {
  return Number(n.toPrecision(3));
}
