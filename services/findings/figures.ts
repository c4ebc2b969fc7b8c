import type { Ending } from './end-reasons.ts';
import type { News } from './news.ts';

/** One sender in a finding's evidence. */
export interface Culprit {
  source: string;
  messages: number;
  delivered?: number | undefined;
  /** forged_report: reports of it, whose mails are none. */
  reports?: number | undefined;
  /** forged_report: nothing proves that the mail is from this domain. */
  unproven?: boolean | undefined;
  /** What is known of it when it is written: a confirmed reverse name, and the service that it is. */
  host?: string | undefined;
  service?: string | undefined;
  /** Of a network: its owner's number and name, and the country (two letters). */
  asn?: number | undefined;
  owner?: string | undefined;
  country?: string | undefined;
}

/** A policy tag that changed. */
export interface TagChange {
  tag: string;
  from: string;
  to: string;
  since: string;
}

/** How the mail of a sender did before it broke. */
export interface Before {
  passed: number;
  of: number;
  /** Days with mail. */
  days: number;
}

/**
 * A sender that broke: its part of the incident that it shares with all whose mail lost the same mechanism.
 */
export interface BrokenSender {
  source: string;
  mechanism: 'dkim' | 'spf' | 'both';
  since: string;
  /** The last day it was as it should be. */
  last_good_day: string;
  last_day: string;
  /** Messages that failed since, of all. */
  messages: number;
  of: number;
  per_day: number;
  delivered: number;
  quarantined: number;
  rejected: number;
  reporters: string[];
  confidence: number;
  /** How its mail did before; a sentence in rows of older versions; absent when that has left the window. */
  before?: Before | string | undefined;
  /**
   * Where to look in DNS: keys (`selector._domainkey.domain`) and SPF records that did not pass, as far as
   * reporters named them.
   */
  names?: string[] | undefined;
  /**
   * The other mechanism, by which its mail still passes: then `messages` are those that lost `mechanism`,
   * whether they pass DMARC or not.
   */
  survives_on?: 'dkim' | 'spf' | undefined;
  /** The mail that fails has no signature of the domain's own, rather than one that does not verify. */
  unsigned?: boolean | undefined;
  /**
   * What passes in most of the mail that fails, without alignment: `own` for a domain of the same
   * organization, which only strict alignment keeps out; else it authenticates as somebody else alone.
   */
  unaligned?: { mechanism: 'dkim' | 'spf'; domain: string; own: boolean }[] | undefined;
  /** The sender that the source is a part of, where that is known by more than the source. */
  sender?: string | undefined;
  /** How SPF ended, where its record could not be evaluated. */
  error?: 'permerror' | 'temperror' | undefined;
  /**
   * The receivers that refuse it while it passes at the others: then all figures are of their mail alone;
   * absent where it fails everywhere.
   */
  at?: string[] | undefined;
}

/** A sender that is no longer part of its incident: the report day on which that was seen, and why. */
export interface MendedSender {
  source: string;
  day: string;
  ended: Ending;
}

/**
 * The part of the evidence that all kinds have in common, or that is documented for those who query the
 * table.
 */
export interface Figures {
  /** The largest senders concerned. */
  who: Culprit[];
  /** How many senders there are in all, when `who` does not list each. */
  senders: number;
  /** How many messages of how many, and the quotient. */
  messages: number;
  of: number;
  share: number;
  /** Messages a report day: what is compared when the finding is looked at again. */
  per_day: number;
  since: string;
  /**
   * The days that are looked at begin with it, and its sender was seen since this day: it may have been so
   * all along.
   */
  sent_since?: string | undefined;
  /**
   * It ceased for more than a week without being over for certain, and began again on this day; or it grew to
   * many times what had been reported of it. The numbers are those since.
   */
  again?: string | undefined;
  last_day: string;
  reporters: string[];
  /**
   * Of those among them, and of a reporter that the finding is about: the catalogue's name; of one that it
   * does not know, what it calls itself and the domain that was proven beside it.
   */
  reporter_names?: Record<string, string> | undefined;
  /**
   * Regular reporters that have not reported on the last day (yet); what they report may change the finding.
   */
  missing?: string[] | undefined;
  /** Messages a day that are usual here, and how likely it is that habit alone brings what was found. */
  usual?: number | undefined;
  chance?: number | undefined;
  /** What the receivers did with the messages concerned. */
  delivered: number;
  quarantined: number;
  rejected: number;
  mechanism?: 'dkim' | 'spf' | 'both' | undefined;
  /** authentication_regression: the last day it was as it should be. */
  last_good_day?: string | undefined;
  /**
   * authentication_regression: each sender that fails, those with the most messages first, and those that no
   * longer do.
   */
  broken?: BrokenSender[] | undefined;
  mended?: MendedSender[] | undefined;
  /** policy_change: each tag. */
  tags?: TagChange[] | undefined;
  /** forged_report: how many reports, and how many of them contradict a proven one. */
  reports?: number | undefined;
  contradicting?: number | undefined;
  /** forged_report: the messages that they claim, which count nowhere. */
  claimed?: number | undefined;
  /**
   * subdomain_abuse: the names it comes under, the largest, how many there are, and the policy that applies
   * to them.
   */
  names?: { name: string; messages: number; used: boolean }[] | undefined;
  names_in_all?: number | undefined;
  policy?: string | undefined;
  /** unconfirmed_report: whose word alone it rests on, and what that is worth. */
  resting_on?: { reporter: string; standing: string }[] | undefined;
  /** policy_ready: failing messages of each class of source. */
  by_class?: Record<string, number> | undefined;
  /** Of an event `changed`: what is new since the last mail. */
  news?: News | undefined;
  /** Shows the rows, ready for psql. */
  query: string;
  /** Resolved: on which report day, and why. */
  resolved_day?: string | undefined;
  ended?: Ending | undefined;
  /** Of a finding that came back: why it had been over, where that was a decision. */
  decided?: Ending | undefined;
}

/** The figures of a finding that no mail is counted for, such as a faulty record. Days are YYYY-MM-DD. */
export const withoutMail = (since: string, last_day: string) => ({
  who: [] as Culprit[],
  senders: 0,
  messages: 0,
  of: 0,
  share: 0,
  per_day: 0,
  since,
  last_day,
  reporters: [] as string[],
  delivered: 0,
  quarantined: 0,
  rejected: 0,
});
