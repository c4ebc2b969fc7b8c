import { byDecision, type Ending } from '../findings/end-reasons.ts';
import type { Evidence } from '../findings/evidence.ts';
import { traitsOf } from '../findings/kinds/traits-of.ts';
import type { News } from '../findings/news.ts';
import { addDays, dayOf, earlier, later } from '../shared/days.ts';
import { strength, type Tag } from '../shared/policy.ts';
import { rankOf, type Severity } from '../shared/severity.ts';
import type { Candidate, FindingUpdate, KnownFinding, NewFinding, Reopening } from '../store/findings/findings.ts';
import { settledUntil } from './rules/window.ts';

/** So many more domains, and so many times as many, are another matter. */
const FURTHER = 5;
const TIMES = 3;
/** So many days without it, and what comes is a new beginning. */
const SILENT_DAYS = 7;
/**
 * The fate of the mail is worse when this part of it and more has the bad one, less than that had, and so
 * many messages more.
 */
const MOST = 0.5;
const FEW = 0.25;
const MUCH = 20;
/** A surge that was reported and has come to so many times as much, by so many messages, was not stopped. */
const GROWN = 3;
const GROWN_BY = 500;
/**
 * Damage that was reported and has come to so many times as much, after so many days, is worth one more mail.
 */
const DAMAGE_GROWN = 10;
/**
 * So many times the daily mail that was reported is another pace: of forged mail; and of a sender, which is
 * small on its first days.
 */
const FASTER = 2;
const SENDER_FASTER = 5;
/**
 * A policy that has been weakened and restored twice is reported again when it stays weak for so many report
 * days.
 */
const STANDS = 4;
/**
 * What comes back within this many days after the report day on which it was over is treated as the same
 * finding.
 */
export const REOPEN_DAYS = 30;

/**
 * What is new that a person would act on who knows the old evidence; null when nothing is: a higher severity,
 * a new beginning after a week without, another mechanism or sender that fails, a policy weakened further, a
 * worse fate of the mail. More of the same is no news, nor is an improvement (the resolution is), so a
 * finding that wavers around a threshold is reported once.
 * @param seen the last day that was on file, when something new begins after a silence
 */
export function materialChange(
  old: { severity: Severity; evidence: Evidence },
  next: { severity: Severity; evidence: Evidence },
  seen: string = old.evidence.last_day,
): News | null {
  if (isGraver(old, next)) {
    const messages: [number, number] = [old.evidence.messages, next.evidence.messages];
    const lost: [number, number] = [lostOf(old.evidence), lostOf(next.evidence)];
    const isLost = !isForged(next.evidence) && lost[1] - lost[0] >= MUCH;
    return {
      what: 'severity',
      from: old.severity,
      to: next.severity,
      ...(messages[1] > messages[0] && { messages }),
      ...(isLost && { lost }),
    };
  }
  if (next.evidence.mechanism === 'both' && old.evidence.mechanism !== undefined && old.evidence.mechanism !== 'both') {
    return { what: 'both_mechanisms' };
  }
  const { again } = next.evidence;
  if (again !== undefined && again !== old.evidence.again && again > addDays(seen, SILENT_DAYS))
    return { what: 'begun_again', day: again };
  const joined = joinedSince(old.evidence, next.evidence);
  if (joined.length > 0) return { what: 'senders', more: joined.length, first: joined[0]! };
  const weaker = (next.evidence.tags ?? []).find((now) => {
    const was = old.evidence.tags?.find(({ tag }) => tag === now.tag);
    const tag = now.tag as Tag;
    return was === undefined || (strength(tag, now.to) ?? 0) < (strength(tag, was.to) ?? 0);
  });
  if (weaker) return { what: 'policy', tag: weaker.tag, to: weaker.to };
  const further = domainsOf(next.evidence) - domainsOf(old.evidence);
  if (further >= FURTHER && domainsOf(next.evidence) >= TIMES * domainsOf(old.evidence))
    return { what: 'domains', more: further };
  return worseFate(old.evidence, next.evidence) ?? notStopped(old.evidence, next) ?? goesOn(old.evidence, next.evidence);
}

/**
 * Whether it is more severe than was reported, and not by its days alone: what was reported as low and goes
 * on at the same pace comes to a number that is medium, and whoever has read of it has nothing else to do.
 * Two steps up, and critical, are always mailed.
 */
function isGraver(old: { severity: Severity; evidence: Evidence }, next: { severity: Severity; evidence: Evidence }): boolean {
  const steps = rankOf(next.severity) - rankOf(old.severity);
  if (steps <= 0 || isKeptOut(next.evidence)) return false;
  const { mail } = traitsOf(next.evidence.facts?.rule);
  if (next.severity === 'critical' || steps > 1 || old.evidence.per_day === 0 || mail === undefined) return true;
  const times = mail === 'forged' ? FASTER : SENDER_FASTER;
  const faster = next.evidence.per_day >= times * old.evidence.per_day;
  return faster || lostOf(next.evidence) - lostOf(old.evidence) >= MUCH || answersOf(next.evidence) !== answersOf(old.evidence);
}

/** Messages that receivers turned away. */
const lostOf = ({ quarantined, rejected }: Evidence) => quarantined + rejected;

/** What its facts say yes or no to: whether it may be a forwarder, for instance. */
function answersOf({ facts }: Evidence): string {
  const answers = Object.entries(facts ?? {}).filter(([, value]) => typeof value === 'boolean');
  return answers
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(' ');
}

/**
 * That an account which may be in a stranger's hands goes on sending after its owner was alerted: all of its
 * mail passes, so nothing but a person stops it. Of milder surges, campaigns mostly, more of the same is no
 * news.
 */
function notStopped(old: Evidence, { severity, evidence }: { severity: Severity; evidence: Evidence }): News | null {
  if (evidence.facts?.rule !== 'volume_surge' || rankOf(severity) < rankOf('medium')) return null;
  const { messages: from } = old;
  const { messages: to } = evidence;
  return to >= GROWN * from && to - from >= GROWN_BY ? { what: 'grown', from, to } : null;
}

/**
 * That what was reported when it was small has come to ten times the damage and more while weeks went by:
 * forged mail that was delivered, or rightful mail that was not. Nobody seems to have been at it.
 */
function goesOn(old: Evidence, next: Evidence): News | null {
  const damage = (e: Evidence) => (isForged(next) ? e.delivered : e.quarantined + e.rejected);
  if (traitsOf(next.facts?.rule).mail === undefined) return null;
  const grown = damage(next) - damage(old) >= GROWN_BY && damage(next) >= DAMAGE_GROWN * damage(old);
  const longAgo = () => next.last_day >= addDays(old.last_day, SILENT_DAYS);
  return grown && next.messages > old.messages && longAgo() ? { what: 'grown', from: old.messages, to: next.messages } : null;
}

const isForged = ({ facts }: Evidence) => traitsOf(facts?.rule).mail === 'forged';

/** A larger wave of forged mail that reached no inbox requires no action. */
function isKeptOut(evidence: Evidence): boolean {
  const { delivered, quarantined, rejected } = evidence;
  return isForged(evidence) && delivered === 0 && quarantined + rejected > 0;
}

/**
 * That receivers deliver most of the forged mail, or turn away most of the rightful mail, and did not when it
 * was last reported: the policy, or a list of senders, does not do what it did.
 */
function worseFate(old: Evidence, next: Evidence): News | null {
  const now = isForged(next) ? 'delivered' : 'lost';
  const bad = (e: Evidence) => (now === 'delivered' ? e.delivered : e.quarantined + e.rejected);
  const share = (e: Evidence) => bad(e) / Math.max(1, e.messages);
  const worse = share(old) < FEW && share(next) >= MOST && bad(next) - bad(old) >= MUCH;
  return worse ? { what: 'fate', now, share: Math.min(1, share(next)) } : null;
}

/** How many domains a cause that they share is about. */
function domainsOf({ facts }: Evidence): number {
  return facts?.rule === 'reports_stopped' ? 1 + (facts.silence?.others_in_all ?? 0) : 1;
}

export interface Moment {
  now: Date;
  /** The newest report day of the domain. */
  today: string;
  quietAfterDays: number;
  /** The domain was not analysed before, or hours ago for the first time: history, in which much is over. */
  first?: boolean;
}

/** What becomes of the findings of one domain. */
export interface FindingChanges {
  opened: NewFinding[];
  updated: FindingUpdate[];
  reopened: Reopening[];
}

/**
 * Compares what the rules found with what is on file.
 *
 * @param candidates what holds now, one a kind and subject
 * @param known from loadFindings
 * @param over for an open finding that no candidate upholds: why it is over, or null while that cannot be
 *   said
 */
export function reconcile(
  candidates: readonly Candidate[],
  known: readonly KnownFinding[],
  over: (finding: KnownFinding) => Ending | null,
  moment: Moment,
): FindingChanges {
  const changes: FindingChanges = { opened: [], updated: [], reopened: [] };
  const key = (f: { kind: string; subject: string }) => JSON.stringify([f.kind, f.subject]);
  const held = new Map(candidates.map((candidate) => [key(candidate), candidate]));
  const silent = new Map<string, KnownFinding>();

  for (const finding of known) {
    if (finding.state !== 'open') continue;
    const candidate = held.get(key(finding));
    if (candidate && !finding.heard && worthMail(candidate, candidate.last_day, moment)) {
      silent.set(key(finding), finding);
    } else if (candidate) {
      held.delete(key(finding));
      changes.updated.push(upheld(finding, candidate, moment));
    } else {
      const ended = over(finding);
      if (ended !== null) changes.updated.push(resolved(finding, ended, moment));
    }
  }
  for (const candidate of held.values()) {
    const notify = worthMail(candidate, candidate.last_day, moment);
    // A candidate with no evidence newer than the resolution is what was resolved. (Each sender of an
    // incident is settled by itself.)
    const incident = notify && candidate.evidence.broken !== undefined;
    const settled = settledUntil(notify ? known.filter(isHeard) : known, candidate.kind, candidate.subject);
    if (candidate.last_day <= settled && !incident) continue;
    const info = candidate.severity === 'info' && candidate.lasting !== true;
    const before = silent.get(key(candidate)) ?? (info ? undefined : resolvedLately(known, candidate));
    if (before?.heard && wavers(before, candidate, moment)) continue;
    if (before?.heard) {
      const { ended } = before.evidence;
      const evidence = byDecision(ended) ? { ...candidate.evidence, decided: ended! } : candidate.evidence;
      changes.reopened.push({ finding_key: before.finding_key, ...candidate, evidence, notify });
      continue;
    }
    changes.opened.push({
      ...(before && { finding_key: before.finding_key }),
      ...candidate,
      evidence: info ? { ...candidate.evidence, resolved_day: candidate.last_day } : candidate.evidence,
      state: info ? 'resolved' : 'open',
      notify,
      ...(moment.first === true && { standing: true as const }),
    });
  }
  return changes;
}

/**
 * Whether a published policy goes back and forth, as a person and a pipeline may have it do: that was
 * reported, and reported again.
 */
function wavers({ reopened = 0 }: KnownFinding, { kind, first_day }: Candidate, { today }: Moment): boolean {
  return kind === 'policy_change' && reopened > 0 && first_day > addDays(today, -STANDS);
}

/**
 * Whether what is on file may affect what is found now. Old history that was recorded silently may not: a
 * finding is opened as if nobody had looked before, or alerts would depend on when somebody looked. What is
 * for information is never mailed, but is recorded once all the same.
 */
export function isHeard(finding: KnownFinding): boolean {
  return finding.heard || finding.severity === 'info';
}

/**
 * The finding that this one continues. What was for information only was never open, so it cannot come back.
 */
function resolvedLately(known: readonly KnownFinding[], candidate: Candidate): KnownFinding | undefined {
  return known.find(
    (f) =>
      f.kind === candidate.kind &&
      f.subject === candidate.subject &&
      f.state === 'resolved' &&
      f.severity !== 'info' &&
      sharesSender(f, candidate) &&
      candidate.first_day <= addDays(f.evidence.resolved_day ?? f.last_day, REOPEN_DAYS),
  );
}

/**
 * Senders that fail now and did not when it was last reported. Evidence from before there were incidents
 * names its one sender in `who`.
 */
function joinedSince(old: Evidence, next: Evidence): string[] {
  if (next.broken === undefined) return [];
  const told = new Set((old.broken ?? old.who).map(({ source }) => source));
  // That forwarded mail fails is said already where a mechanism is lost that the other one hides.
  if (old.broken?.some(({ survives_on }) => survives_on !== undefined) && next.mechanism !== 'both') return [];
  // Nor is one sender more news where the other mechanism hides it.
  const hidden = (source: string) => old.broken?.find((one) => one.source === source)?.survives_on !== undefined;
  // Nor another network of a sender that was reported already. (Evidence of older versions names no senders.)
  const wasTold = (source: string) => told.has(source) && !hidden(source);
  const senders = new Set(
    [...(old.broken ?? []), ...next.broken].flatMap(({ source, sender }) => (sender && wasTold(source) ? [sender] : [])),
  );
  return next.broken
    .filter(({ survives_on }) => survives_on === undefined)
    .filter(({ source, sender }) => !wasTold(source) && !(sender && senders.has(sender)))
    .map(({ source }) => source);
}

/**
 * Of incidents only the one is the same again in which a sender broke that breaks now; what others lost is
 * another story.
 */
function sharesSender(before: Candidate, now: Candidate): boolean {
  if (now.evidence.broken === undefined) return true;
  const { broken = [], mended = [] } = before.evidence;
  const then = new Set([...broken, ...mended].map(({ source }) => source));
  return now.evidence.broken.some(({ source }) => then.has(source));
}

/**
 * At a first start, what was not seen on this many of the newest report days is over: no rule could say so
 * yet.
 */
const STANDING_DAYS = 2;

/**
 * Old history (an import of last year's mail) is recorded and mailed to nobody; nor is, when a domain is
 * analysed for the first time, what is over. If it goes on, it is opened then.
 */
function worthMail(finding: { severity: Severity; quiet?: true }, lastDay: string, moment: Moment): boolean {
  if (finding.quiet === true || finding.severity === 'info') return false;
  if (moment.first === true && lastDay <= addDays(moment.today, -STANDING_DAYS)) return false;
  return lastDay >= addDays(dayOf(moment.now), -moment.quietAfterDays);
}

function upheld(finding: KnownFinding, candidate: Candidate, moment: Moment): FindingUpdate {
  const first_day = earlier(candidate.first_day, finding.first_day);
  const last_day = later(candidate.last_day, finding.last_day);
  const notify = worthMail(candidate, last_day, moment);
  // Old history changes silently, so that it is compared with what was reported when it continues.
  const news = finding.told && materialChange(finding.told, candidate, finding.last_day);
  const changed = notify && finding.heard && (finding.told === null || news !== null);
  const { kind, subject, severity, confidence } = candidate;
  const counted = withoutShrinking(finding.evidence, candidate.evidence);
  const evidence = changed && news !== null ? { ...counted, news } : counted;
  return {
    finding_key: finding.finding_key,
    kind,
    subject,
    event: changed ? 'changed' : null,
    notify,
    first_day,
    last_day,
    severity,
    confidence,
    evidence,
  };
}

/**
 * The evidence with numbers that do not shrink while it begins on the same day: a rule may look at fewer days
 * than the finding is old. All numbers are of one moment.
 */
function withoutShrinking(old: Evidence, next: Evidence): Evidence {
  if (next.since !== old.since || next.messages >= old.messages || next.broken !== undefined) return next;
  const { messages, of, share, delivered, quarantined, rejected, who, senders } = old;
  return { ...next, messages, of, share, delivered, quarantined, rejected, who, senders };
}

function resolved(finding: KnownFinding, ended: Ending, moment: Moment): FindingUpdate {
  const { finding_key, kind, subject, severity, confidence, first_day, last_day, summary } = finding;
  return {
    finding_key,
    kind,
    subject,
    event: 'resolved',
    // Those who were never alerted, or have asked for silence, need not know that it is over.
    notify: finding.told !== null && !finding.acknowledged && !finding.snoozed && worthMail(finding, moment.today, moment),
    severity,
    confidence,
    first_day,
    last_day,
    summary,
    evidence: { ...finding.evidence, resolved_day: moment.today, ended },
  };
}
