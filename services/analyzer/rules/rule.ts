import type { Ending } from '../../findings/end-reasons.ts';
import type { Severity } from '../../shared/severity.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import type { MailWindow } from '../mail-window.ts';
import type {
  ArrivalWindow,
  DnsWindow,
  DomainWindow,
  IncidentWindow,
  ReadinessWindow,
  SenderWindow,
  SendingWindow,
  SourceWindow,
  UndecidedWindow,
} from './window.ts';

/** What the engine needs to know of one kind of finding. */
export interface RuleOf<Scope extends string, Window> {
  /**
   * The name in dmarc.findings. Two rules may share a kind if one of them is about a source and the other
   * about the domain.
   */
  kind: string;
  /** `rule` of the facts of its findings, for a rule that shares both kind and scope with another. */
  facts?: string;
  /**
   * Which data the rule sees, and once for what it is called: each source, each sender, the senders that
   * broke, the domain, …
   */
  scope: Scope;
  /** The severities that `find` may return, mildest first. */
  severity: readonly Severity[];
  /** Whether it rests on a test of significance, and so has a part of the budget of false alarms. */
  tested: boolean;
  /**
   * Kinds earlier in the list: if one of them holds for a source, this rule is not asked about that source.
   */
  yieldsTo?: readonly string[];
  /** What holds now, at most one finding a subject. */
  find(window: Window): Candidate[];
  /** Why an open finding that `find` does not return any more is over, null while that cannot be said. */
  over(finding: KnownFinding, window: Window): Ending | null;
}

export type SourceRule = RuleOf<'source', SourceWindow>;
/** About one sender of aligned mail, whatever the number of its sources; asked when no more work waits. */
export type SenderRule = RuleOf<'sender', SenderWindow>;
/** About the senders of the domain that broke, taken together. */
export type IncidentRule = RuleOf<'incident', IncidentWindow>;
/** About the domain or one of its reporters, by what those reporters say whose word decides. */
export type DomainRule = RuleOf<'domain', DomainWindow>;
/** About reports by the day they arrived, proven or not. */
export type ArrivalRule = RuleOf<'arrival', ArrivalWindow>;
/** About what DNS says of the domain. */
export type DnsRule = RuleOf<'dns', DnsWindow>;
/** About what the logs show of mail that is sent as the domain. */
export type SendingRule = RuleOf<'sending', SendingWindow>;
/** About the mails of the whole installation; its findings have the domain `*`. */
export type InstallationRule = RuleOf<'installation', MailWindow>;
/** About what those reporters say whose word decides nothing. */
export type UndecidedRule = RuleOf<'undecided', UndecidedWindow>;
/** About the domain, by the classes of all its sources: it runs last, when these are written. */
export type ReadinessRule = RuleOf<'readiness', ReadinessWindow>;

export type Rule =
  | SourceRule
  | SenderRule
  | IncidentRule
  | DomainRule
  | ArrivalRule
  | DnsRule
  | SendingRule
  | UndecidedRule
  | ReadinessRule
  | InstallationRule;
