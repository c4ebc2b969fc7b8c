import type { Random } from '../demo/random.ts';
import type { Dialect, PublishedPolicy } from '../demo/report.ts';
import type { Dns } from '../services/dns/client/types.ts';
import type { OverrideReason } from '../services/report/model.ts';
import type { Calendar } from './calendar.ts';
import type { Expectation } from './families/expectation.ts';
import type { Internet } from './internet/internet.ts';
import type { SimulatedMail } from './simulated-mail.ts';

/**
 * What a stream of mail truly is. Null: nobody could say from reports (a stolen credential passes like a
 * rightful sender).
 */
export type TrueClass = 'authorized' | 'misaligned' | 'forwarded' | 'unauthorized' | null;

export interface Signature {
  domain: string;
  selector: string;
  result: string;
}

/** A failure of one mechanism on part of a stream's mail, on the report days from `from` to `to`. */
export interface Break {
  from: number;
  to: number;
  /** Part of the messages that fail, 0 to 1. */
  share: number;
  mechanism: 'dkim' | 'spf' | 'both';
  /** The incident whose mail that is; null for a trap or the ordinary noise. */
  incident: string | null;
  /** What the mechanism results in; `fail` where absent. */
  result?: string;
}

/** Mail that leaves one set of addresses in one manner. */
export interface Flow {
  id: string;
  what:
    | 'own'
    | 'service_dkim'
    | 'service_spf'
    | 'service_both'
    | 'service_unaligned'
    | 'campaign'
    | 'forwarder'
    | 'mailing_list'
    | 'noise'
    | 'incident';
  truth: TrueClass;
  /** Empty: each message comes from an address of its own. */
  addresses: readonly string[];
  header_from: string;
  envelope_from: string;
  spf: { domain: string; result: string };
  dkim: readonly Signature[];
  /** Messages on an ordinary weekday that all reporters see together, on the first day. */
  mean: number;
  /** Over-dispersion of the daily count: its variance is mean + mean²/k. */
  k: number;
  /** What a weekend day brings, as part of a weekday. */
  weekend: number;
  /** Growth a day: 0.005 is half a percent. */
  growth: number;
  /** Factor for a report day: campaigns, surges, begin and end. */
  active: (day: number) => number;
  /** Factors on the reporters' shares, by reporter. */
  reporters: ReadonlyMap<string, number>;
  breaks: Break[];
  /** All its mail on these report days is an incident's. */
  incident: { id: string; from: number; to: number } | null;
}

/** A receiver that reports. */
export interface Reporter {
  dialect: Dialect;
  /** Part of all mail, before a domain's own mix. */
  share: number;
  /** Hours after the end of the day at which it reports. */
  hour: number;
  recipients: readonly string[];
  /** Part of its reports that come one to four days late. */
  lateness: number;
  /** Report days that it never reports on. */
  outages: { from: number; to: number }[];
  /** Report days whose reports come three days late, all of them. */
  lateBurst: { from: number; to: number } | null;
  /** From that report day on it writes under another name (one dialect for all days where absent). */
  renamed?: { from: number; dialect: Dialect };
  /** What it says of mail it lets pass because somebody forwarded it; null: it does not see that. */
  onForwarder: OverrideReason | null;
  onList: OverrideReason | null;
}

/** What the model does to a domain's reports of one reporter. */
export interface ReporterEvent {
  what: 'silent' | 'doubled' | 'contradicts' | 'forged';
  reporter: string;
  from: number;
  to: number;
  /** silent, contradicts, forged: the incident. */
  incident: string | null;
  /** forged: whether the mail is authentic for the forger's own domain. */
  mismatched?: boolean;
}

export interface Domain {
  name: string;
  /** Sends nothing. */
  parked: boolean;
  policy: PublishedPolicy;
  policyChanges: ({ from: number; to: number; incident: string | null } & Partial<PublishedPolicy>)[];
  /** Messages on an ordinary weekday that its reporters see together. */
  volume: number;
  flows: Flow[];
  /** Reporters that see its mail, with their part of it. */
  mix: { reporter: Reporter; share: number }[];
  events: ReporterEvent[];
}

/** Something that a good alarm reports. */
export interface Incident {
  id: string;
  domain: string;
  type: string;
  strength: string;
  /** First and last report day. */
  begin: number;
  end: number;
  /** The reporter concerned, by its org_name. */
  reporter: string | null;
  /** What its mails must be like; absent in the mixed world. */
  expected?: Expectation;
  /**
   * Filled in by what is really reported: the messages concerned, their addresses, and the first tick at
   * which a mail mentions it.
   */
  messages: number;
  delivered: number;
  addresses: Set<string>;
  seen: number | null;
  /** All messages of the domain that were reported on its days. */
  of: number;
}

/** Something that must not raise an alarm. */
export interface Trap {
  what: string;
  domain: string;
  begin: number;
  end: number;
}

/** A person approves a sender, at a tick before that evening's analysis. */
export interface Approval {
  tick: number;
  domain: string;
  /** A service of the catalogue by its id, or a source as reports have it. */
  source: string;
}

/** A step of the policy that our applier publishes on the evening of a tick, and watches. */
export interface PolicyStep {
  tick: number;
  domain: string;
  from: PublishedPolicy['p'];
  to: PublishedPolicy['p'];
}

/** Mails of strangers about a report day, beside those of the world's reporters. */
export type Strangers = (day: number, calendar: Calendar, root: Random) => Promise<SimulatedMail[]>;

export interface World {
  seed: number;
  days: number;
  domains: Domain[];
  incidents: Incident[];
  traps: Trap[];
  /**
   * By domain and address, of what has been reported so far. Null too for an address from which mail of two
   * classes comes.
   */
  truth: Map<string, Map<string, TrueClass>>;
  /** Name service and routing table; absent in the mixed world, whose addresses are nobody's. */
  internet?: Internet;
  /** The first tick at which anything is read: what came before lies in the mailbox by then. */
  firstTick?: number;
  approvals?: readonly Approval[];
  /** What the name service has of its domains at a tick; absent: nobody watches DNS. */
  dns?: (tick: number) => Dns;
  strangers?: readonly Strangers[];
  steps?: readonly PolicyStep[];
}
