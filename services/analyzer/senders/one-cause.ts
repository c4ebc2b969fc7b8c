import { addDays, earlier, later } from '../../shared/days.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { recordsQuery } from '../../store/findings/kind-queries.ts';
import { openOf } from '../rules/window.ts';
import { joinedSpan, summed, wholeOf } from './joined.ts';

const KIND = 'new_source';
/** New senders that began within so many days of each other with the same key are one cause. */
const SAME_KEY_DAYS = 14;
/** Fewer where nothing but SPF lets them in: two servers that somebody set up in two weeks are two things. */
const SPF_DAYS = 5;
const SPF = 'spf';
/**
 * From so many messages on, a key in strange hands, or a gap in SPF, is no trifle, whatever else the domain
 * sends.
 */
const GRAVE = 100;
/**
 * So many senders without a common name under one key that somebody published are no server that a team set
 * up.
 */
const SCATTERED = 3;
/** Sources listed in the evidence, and in its query. */
const LISTED = 20;

/**
 * Makes one finding of the new senders that have one cause: an old key of the domain's whose own senders go
 * on, or a new one that nobody else signs with, or an SPF record that lets in strangers from wherever they
 * rent. It stays with the sender that it was first mailed about; of several that are new, with the one that
 * began first. When that finding is over, for any reason but that its sender was approved, so it is for the
 * others that it named.
 * @param known what is on file, as the rules see it
 */
export function joinOneCause(domain: string, found: readonly Candidate[], known: readonly KnownFinding[]): Candidate[] {
  const byCause = new Map<string, Candidate[]>();
  const joined = new Map<Candidate, Candidate | null>();
  for (const one of found) {
    const cause = causeOf(one);
    if (cause === null) continue;
    if (wasToldWithAnother(one, cause, known)) joined.set(one, null);
    else byCause.set(cause, [...(byCause.get(cause) ?? []), one]);
  }
  for (const [cause, group] of byCause) {
    const isOpen = ({ subject }: Candidate) => openOf(known, KIND, subject) !== undefined;
    const [lead, ...others] = group.sort(
      (a, b) =>
        Number(isOpen(b)) - Number(isOpen(a)) ||
        a.first_day.localeCompare(b.first_day) ||
        b.evidence.messages - a.evidence.messages ||
        a.subject.localeCompare(b.subject),
    );
    // What was mailed by itself before stays a finding of its own.
    const parts = others.filter((one) => !isOpen(one) && isNear(lead!, one, cause === SPF ? SPF_DAYS : SAME_KEY_DAYS));
    for (const one of parts) joined.set(one, null);
    joined.set(lead!, together(domain, lead!, parts));
  }
  return found.flatMap((one) => {
    const instead = joined.get(one);
    return instead === null ? [] : [instead ?? one];
  });
}

/**
 * What lets a new sender in, if it may let in others as well; null for a service, which is a cause by itself.
 */
function causeOf({ kind, evidence: { facts } }: Pick<Candidate, 'kind' | 'evidence'>): string | null {
  if (kind !== KIND || facts?.rule !== KIND) return null;
  const { key, by, service } = facts;
  if (key == null) return by === 'spf' && service === null ? SPF : null;
  if (key.age === 'old') return key.others.length > 0 ? key.name : null;
  return service === null ? key.name : null;
}

function isNear(a: Candidate, b: Candidate, days: number): boolean {
  return later(a.first_day, b.first_day) <= addDays(earlier(a.first_day, b.first_day), days);
}

/** Whether a finding about another sender named it with the same cause, and is over. */
function wasToldWithAnother({ subject }: Candidate, cause: string, known: readonly KnownFinding[]): boolean {
  return known.some(
    (one) =>
      one.state === 'resolved' &&
      one.subject !== subject &&
      one.evidence.ended?.reason !== 'listed' &&
      causeOf(one) === cause &&
      one.evidence.who.some(({ source }) => source === subject),
  );
}

/** How many senders a finding is about by itself. */
function joinedOf({ evidence: { facts } }: Candidate): number {
  return (facts?.rule === KIND && facts.joined) || 1;
}

function together(domain: string, lead: Candidate, parts: readonly Candidate[]): Candidate {
  const all = [lead, ...parts];
  const messages = summed(all, 'messages');
  const { facts } = lead.evidence;
  const passedOn = parts.length === 0 && facts?.rule === KIND && facts.passed_on === true && facts.scattered !== true;
  // Whoever published a key may change the domain's DNS, which is no copy; but no team sends from strangers
  // all over.
  const published = facts?.rule === KIND && facts.key?.age === 'new' && all.length < SCATTERED;
  const grave = messages >= GRAVE && lead.severity === 'low' && !passedOn && !published;
  const severity = all.some((one) => one.severity === 'medium') || grave ? 'medium' : lead.severity;
  if (parts.length === 0) return { ...lead, severity };
  const { evidence } = lead;
  const who = all.flatMap((one) => one.evidence.who).sort((a, b) => b.messages - a.messages || a.source.localeCompare(b.source));
  const { first_day, last_day, confidence, reporters } = joinedSpan(all);
  const of = wholeOf(all, messages);
  const sources = who.slice(0, LISTED).map(({ source }) => source);
  return {
    ...lead,
    severity,
    confidence,
    first_day,
    last_day,
    evidence: {
      ...evidence,
      who: who.slice(0, LISTED),
      senders: summed(all, 'senders'),
      messages,
      of,
      share: messages / of,
      per_day: summed(all, 'per_day'),
      since: first_day,
      last_day,
      reporters,
      delivered: summed(all, 'delivered'),
      quarantined: summed(all, 'quarantined'),
      rejected: summed(all, 'rejected'),
      ...(evidence.facts?.rule === KIND && {
        facts: { ...evidence.facts, joined: all.reduce((n, one) => n + joinedOf(one), 0) },
      }),
      query: recordsQuery({ domain, sources, from: first_day, to: last_day, rows: 'all' }),
    },
  };
}
