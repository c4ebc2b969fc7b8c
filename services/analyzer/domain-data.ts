import type { DeclaredSenders } from '../dns/guard/senders.ts';
import type { ForgedDay, GenuineReports } from '../store/analysis/forged-reports.ts';
import type { Scatter } from '../store/analysis/scatter.ts';
import type { KeyUse } from '../store/analysis/senders.ts';
import type { Keys } from '../store/analysis/signatures.ts';
import type { Silence, Spread } from '../store/analysis/silences.ts';
import type { Networks, PolicyDay, ReporterDay, SourceDay } from '../store/analysis/window-reads.ts';
import type { StoredCheck } from '../store/dns/checks.ts';
import type { StoredDrifts } from '../store/dns/drifts.ts';
import type { StoredLookalike } from '../store/dns/lookalikes.ts';
import type { KeyMail, Published, SpfMail } from '../store/dns/published.ts';
import type { Confirmation } from '../store/domains/domains.ts';
import type { Expected } from '../store/findings/feedback.ts';
import type { KnownFinding, ToldElsewhere } from '../store/findings/findings.ts';
import type { SubdomainNames } from '../store/rollups/subdomain-days.ts';
import type { Sending } from '../store/sending/judged.ts';
import type { NetworkFacts } from '../store/sources/identities.ts';
import type { ListEntry } from '../store/sources/sender-list.ts';
import type { Moment } from './lifecycle.ts';
import type { Unit } from './senders/broken-units.ts';
import type { Catalogue, Sender } from './senders/catalogue.ts';
import type { UnalignedUnit } from './senders/unaligned-units.ts';
import type { SenderData } from './senders/units.ts';
import type { DeniedMail } from './sources/admission.ts';
import type { Standing } from './standing.ts';

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
  /** The first day of each source that is an own server, where it is known. */
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
  /**
   * Sources of one sender that are judged together, and the number of such senders; absent as for `senders`.
   */
  units?: { read: readonly Unit[]; tests: number };
  /** Sources of one sender that is not set up; absent likewise. */
  unaligned?: readonly UnalignedUnit[];
  /** The names below the domain that unauthenticated mail of the newest days came under. */
  names: SubdomainNames;
  /** Networks that are the domain's own servers, by their names; absent where that was not loaded. */
  ownServers?: readonly string[];
  /**
   * Earlier rows of sources that the work names and that have none in the window, or come back in it: what
   * they were; absent: not looked up.
   */
  past?: readonly SourceDay[];
  /**
   * Networks from which services of the domain's send although its SPF record does not list them; absent: not
   * looked up.
   */
  outgrown?: ReadonlyMap<string, Sender>;
  /**
   * Networks with mail that nothing authenticates of services that the domain sends through; absent likewise.
   */
  used?: ReadonlyMap<string, Sender>;
  /** Networks of security gateways that hand on the domain's mail to its receivers; absent likewise. */
  gateways?: readonly string[];
  /** Networks with mail that nothing authenticates whose names are being looked up; absent likewise. */
  unnamed?: ReadonlySet<string>;
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
  /** How mail of the denied ones passes; absent or null: nobody denied one. */
  denied?: DeniedMail | null;
  /** What DNS says of the way of its reports to us; absent or null: nothing was asked. */
  confirmation?: Confirmation | null;
  /**
   * What the watcher saw of its records, and the mail of keys that are gone; absent or null: it is not
   * watched.
   */
  published?: Published | null;
  keyMail?: readonly KeyMail[];
  /** Where mail came from that passed SPF; absent or empty: its SPF record lost nothing of late. */
  spfMail?: readonly SpfMail[];
  /** What is wrong with its records; absent or null: they were not checked. */
  check?: StoredCheck | null;
  /**
   * What differs from mail-guard.yaml; null: it declares nothing of the domain; absent: it was not loaded.
   */
  drift?: StoredDrifts | null;
  /** What changed of names that look like it; absent: it was not loaded. */
  lookalikes?: readonly StoredLookalike[];
  /** What the logs show of it; absent: they show nothing, or more work of the domain waits. */
  sending?: Sending;
  /** Who may send by mail-guard.yaml; null: it declares no workload; absent: it could not be read. */
  declared?: DeclaredSenders | null;
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
