import type { Facts } from '../../findings/kinds/index.ts';
import { addDays, later } from '../../shared/days.ts';
import { rankOf } from '../../shared/severity.ts';
import type { StoredCheck } from '../../store/dns/checks.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';

/**
 * Caches keep an old record for its TTL, and a reporter's day need not be ours: what begins so many days from
 * a change of DNS is its consequence.
 */
const NEAR_DAYS = 2;
/** Mail of the days before a record was restored is reported so many days later. */
const LATE_DAYS = 3;

type Finding = Pick<Candidate, 'kind' | 'subject' | 'first_day' | 'last_day' | 'evidence' | 'severity'>;

/**
 * Puts together what DNS and the reports say of one cause: what fails since a record changed is the
 * consequence of that change, and mailed with it. Whichever was mailed first goes on; of two that are new,
 * the change of DNS is mailed, with the severity of its consequence.
 */
export function joinCauses(candidates: readonly Candidate[], known: readonly KnownFinding[]): Candidate[] {
  const changes = [...candidates, ...known].filter(isChange);
  if (changes.length === 0) return [...candidates];
  const heard = (one: Finding) =>
    known.some((old) => old.kind === one.kind && old.subject === one.subject && old.state === 'open' && old.heard);
  const joined = new Map<Candidate, Candidate>(candidates.map((one) => [one, one]));
  for (const effect of candidates) {
    const causes = changes.filter((change) => explains(change, effect));
    if (causes.length === 0) continue;
    const current = causes.filter((change): change is Candidate => joined.has(change as Candidate));
    if (heard(effect)) {
      for (const cause of current) if (!heard(cause)) joined.set(cause, { ...joined.get(cause)!, quiet: true });
      joined.set(effect, withCause(joined.get(effect)!, causes[0]!));
      continue;
    }
    joined.set(effect, { ...joined.get(effect)!, quiet: true });
    for (const cause of current) joined.set(cause, withEffect(joined.get(cause)!, effect));
  }
  return [...joined.values()];
}

function isChange({ evidence: { facts } }: Finding): boolean {
  return isLost(facts) || facts?.rule === 'spf_limit' || facts?.rule === 'dns_drift';
}

/** Whether facts are of a record that lost what mail rests on. */
export function isLost(facts: Facts | null | undefined): facts is Extract<Facts, { rule: 'dns_broken' | 'dkim_key_missing' }> {
  return facts?.rule === 'dns_broken' || facts?.rule === 'dkim_key_missing';
}

/** Whether all that an effect is about begins near the change. */
function explains(change: Finding, effect: Finding): boolean {
  const { facts, resolved_day } = change.evidence;
  if (facts?.rule === 'spf_limit') return isPermerror(effect) && (resolved_day ?? effect.last_day) >= effect.last_day;
  if (facts?.rule === 'dns_drift') return isQuiet(change) ? false : driftExplains(facts, change, effect);
  if (!isLost(facts) || change === effect) return false;
  const day = facts.at.slice(0, 10);
  const near = (one: string) => one >= addDays(day, -NEAR_DAYS) && one <= addDays(day, NEAR_DAYS);
  if (resolved_day !== undefined && effect.last_day > addDays(resolved_day, LATE_DAYS)) return false;
  const said = effect.evidence.facts;
  if (said?.rule === 'record_invalid')
    return facts.loss === 'spf_several' && said.name === facts.name && said.problems.every(({ code }) => code === 'spf_several');
  if (effect.kind === 'authentication_regression') {
    const parts = effect.evidence.broken ?? [];
    if (parts.length === 0) return false;
    // When it was withdrawn is not known: the mail may have failed long before DNS was asked.
    if (facts.loss === 'key_absent' || facts.loss === 'key_unpublished')
      return parts.every(({ since, names }) => since <= addDays(day, NEAR_DAYS) && (names ?? []).includes(facts.name));
    if (!parts.every(({ since }) => near(since))) return false;
    if (facts.loss.startsWith('spf_')) return parts.every(({ mechanism }) => mechanism === 'spf');
    return (
      facts.loss.startsWith('key_') &&
      parts.every(({ mechanism, names }) => mechanism === 'dkim' && (names ?? [facts.name]).includes(facts.name))
    );
  }
  if (!facts.loss.startsWith('dmarc_')) return false;
  return (
    ['policy_change', 'reports_stopped'].includes(effect.kind) &&
    effect.subject === change.subject.replace(/^_dmarc\./, '') &&
    near(effect.first_day)
  );
}

/** One that is reported with another finding about the record: that one is the cause. */
function isQuiet(change: Finding): boolean {
  return 'quiet' in change && change.quiet === true;
}

/** Whether what reports show is what a record that is not as declared does to mail. */
function driftExplains(facts: Extract<Facts, { rule: 'dns_drift' }>, change: Finding, effect: Finding): boolean {
  const { part, name, domain } = facts;
  const day = facts.at.slice(0, 10);
  const near = (one: string) => one >= addDays(day, -NEAR_DAYS) && one <= addDays(day, NEAR_DAYS);
  const { resolved_day } = change.evidence;
  if (resolved_day !== undefined && effect.last_day > addDays(resolved_day, LATE_DAYS)) return false;
  if (effect.kind === 'authentication_regression') {
    const parts = effect.evidence.broken ?? [];
    if (parts.length === 0 || !parts.every(({ since }) => near(since))) return false;
    if (part === 'spf') return parts.every(({ mechanism }) => mechanism === 'spf');
    return part === 'dkim' && parts.every(({ mechanism, names }) => mechanism === 'dkim' && (names ?? []).includes(name));
  }
  return part === 'dmarc' && effect.kind === 'policy_change' && effect.subject === domain && near(effect.first_day);
}

/** Whether receivers could not evaluate the SPF record, and nothing else is wrong. */
function isPermerror({ kind, evidence: { broken = [] } }: Finding): boolean {
  return (
    kind === 'authentication_regression' &&
    broken.length > 0 &&
    broken.every(({ error, mechanism }) => error === 'permerror' && mechanism === 'spf')
  );
}

/**
 * Adds to what receivers could not evaluate how many lookups the SPF record needs, and at which term it
 * exceeds the limit.
 */
export function withLookups(candidates: readonly Candidate[], check: StoredCheck | null): Candidate[] {
  return candidates.map((one) => {
    const { facts, broken = [] } = one.evidence;
    if (facts?.rule !== 'authentication_regression' || check?.spf_lookups == null || check.spf_over === null) return one;
    if (!broken.some(({ error }) => error === 'permerror')) return one;
    const limit = { lookups: check.spf_lookups, over: check.spf_over };
    return { ...one, evidence: { ...one.evidence, facts: { ...facts, limit } } };
  });
}

/** What was mailed before its cause was known names it from now on. */
function withCause(effect: Candidate, cause: Finding): Candidate {
  const { facts } = effect.evidence;
  const of = cause.evidence.facts;
  if (facts?.rule !== 'authentication_regression' || !(isLost(of) || of?.rule === 'dns_drift')) return effect;
  const { name, at } = of;
  return { ...effect, evidence: { ...effect.evidence, facts: { ...facts, changed: { name, at } } } };
}

/** The cause, as severe as its consequence, with the numbers of it. */
function withEffect(cause: Candidate, effect: Candidate): Candidate {
  const { facts } = cause.evidence;
  if (!isLost(facts) && facts?.rule !== 'spf_limit' && facts?.rule !== 'dns_drift') return cause;
  const { messages, since } = effect.evidence;
  const seen = effect.kind === 'authentication_regression' ? { messages, since } : (facts.seen ?? null);
  return {
    ...cause,
    severity: rankOf(effect.severity) > rankOf(cause.severity) ? effect.severity : cause.severity,
    evidence: { ...cause.evidence, facts: { ...facts, seen } },
    last_day: later(cause.last_day, effect.last_day),
  };
}
