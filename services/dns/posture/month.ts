/** A month of trusted reports about one sender of a domain. Counts are messages. */
export interface SenderMonth {
  /** A network, or the name of a sender that ruawatch knows. */
  source: string;
  class: 'authorized' | 'misaligned' | 'forwarded' | 'unauthorized' | 'unknown';
  messages: number;
  /** Passed DMARC. */
  passed: number;
  dkim_aligned: number;
  spf_aligned: number;
  /** A person has approved all of it. */
  approved?: boolean;
}

export interface ReportMonth {
  /** Days from the first to the last day of the month, both included, YYYY-MM-DD. */
  from: string;
  to: string;
  /** Days of it with reports, and reporters that reported on `REPORTER_DAYS` of them or more. */
  days: number;
  reporters: number;
  senders: readonly SenderMonth[];
  /** The first and the newest day of all their reports; absent: the month is full and just over. */
  first?: string;
  newest?: string;
  /** Reports of the month by the policy that they found; absent: all found the one that is published. */
  policies?: readonly { p: string | null; t?: string | null; reports: number }[];
  /** Messages that fail of senders that have just begun and are not set up. */
  joining?: number;
  /** Open findings that say that a stricter policy would cost mail. */
  against?: readonly NamedKind[];
  /** Open findings of own mail that stopped to pass, the gravest first. */
  incidents?: readonly { finding_key: number; summary: string; severity?: string }[];
  /** Mail of senders that a person denied, and that gets through all the same; the most of it first. */
  denied?: readonly DeniedMail[];
  /**
   * Reporters that have stopped reporting on the domain while others go on, with their part of all its mail
   * before, 0 to 1: the largest first.
   */
  silent?: readonly { reporter: string; share: number }[];
  /** Open findings of forged mail that is delivered: it is not clear whose mail is whose. */
  contested?: readonly NamedKind[];
  /**
   * A finding says already that the next policy is safe: it is taken back only for more than was asked to
   * open it.
   */
  held?: boolean;
}

/** Mail of a denied sender that gets through, as an open finding says. */
export interface DeniedMail {
  finding_key: number;
  source: string;
  messages: number;
  /** It passes DMARC, and no policy stops it; else the policy lets it through. */
  passes: boolean;
  /** The keys that sign it, and who else signs with each; empty: not known, or it is not signed. */
  keys: readonly { name: string; others: readonly string[] }[];
  /** The terms of the SPF record that admit it. */
  terms: readonly string[];
}

/** A kind of findings, with what sentences call it. */
export interface NamedKind {
  kind: string;
  name: string;
  /** Receivers delivered nearly all the mail that it is about. */
  delivered?: boolean;
}

/** The domain's own senders. */
export const own = (month: ReportMonth) =>
  month.senders.filter((one) => one.class === 'authorized' || one.class === 'misaligned');
/** Adds up a count over senders. */
export const sum = (senders: readonly SenderMonth[], of: (one: SenderMonth) => number) =>
  senders.reduce((n, one) => n + of(one), 0);
