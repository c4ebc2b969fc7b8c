import { addDays, earlier, later } from '../../shared/days.ts';
import { recordsQuery } from '../../store/findings/evidence-queries.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { openOf } from '../window.ts';

const KIND = 'new_source';
/** New senders that began within so many days of each other with the same key are one cause. */
const ONE_CAUSE_DAYS = 14;
/** From so many messages on, a key in strange hands is no trifle, whatever else the domain sends. */
const GRAVE = 100;
/** Sources listed in the evidence, and in its query. */
const LISTED = 20;

/**
 * Makes one finding of the new senders that sign with the same old key of the domain, whose own senders go on: a
 * copied key is one cause, from however many rented machines it is used. It stays with the sender that it was first
 * mailed about; of several that are new, with the one that began first. When that finding is over, for any reason but
 * that its sender was approved, so it is for the others that it named.
 * @param known what is on file, as the rules see it
 */
export function joinCopiedKeys(domain: string, found: readonly Candidate[], known: readonly KnownFinding[]): Candidate[] {
  const byKey = new Map<string, Candidate[]>();
  const joined = new Map<Candidate, Candidate | null>();
  for (const one of found) {
    const key = copiedKeyOf(one);
    if (key === null) continue;
    if (wasToldWithAnother(one, key, known)) joined.set(one, null);
    else byKey.set(key, [...(byKey.get(key) ?? []), one]);
  }
  for (const group of byKey.values()) {
    const isOpen = ({ subject }: Candidate) => openOf(known, KIND, subject) !== undefined;
    const [lead, ...others] = group.sort(
      (a, b) =>
        Number(isOpen(b)) - Number(isOpen(a)) ||
        a.first_day.localeCompare(b.first_day) ||
        b.evidence.messages - a.evidence.messages ||
        a.subject.localeCompare(b.subject),
    );
    // What was mailed by itself before stays a finding of its own.
    const parts = others.filter((one) => !isOpen(one) && isNear(lead!, one));
    for (const one of parts) joined.set(one, null);
    joined.set(lead!, together(domain, lead!, parts));
  }
  return found.flatMap((one) => {
    const instead = joined.get(one);
    return instead === null ? [] : [instead ?? one];
  });
}

/** The key of a new sender that others still sign with, who did before it; null when it has none. */
function copiedKeyOf({ kind, evidence: { facts } }: Candidate): string | null {
  if (kind !== KIND || facts?.rule !== KIND || facts.key == null) return null;
  return facts.key.age === 'old' && facts.key.others.length > 0 ? facts.key.name : null;
}

function isNear(a: Candidate, b: Candidate): boolean {
  return later(a.first_day, b.first_day) <= addDays(earlier(a.first_day, b.first_day), ONE_CAUSE_DAYS);
}

/** Whether a finding about another sender named it with the same key, and is over. */
function wasToldWithAnother({ subject }: Candidate, key: string, known: readonly KnownFinding[]): boolean {
  return known.some(
    ({ kind, state, subject: lead, evidence: { facts, who, ended } }) =>
      kind === KIND &&
      state === 'resolved' &&
      lead !== subject &&
      ended?.reason !== 'listed' &&
      facts?.rule === KIND &&
      facts.key?.name === key &&
      who.some(({ source }) => source === subject),
  );
}

function together(domain: string, lead: Candidate, parts: readonly Candidate[]): Candidate {
  const all = [lead, ...parts];
  const sum = (of: 'messages' | 'senders' | 'delivered' | 'quarantined' | 'rejected' | 'per_day') =>
    all.reduce((n, { evidence }) => n + evidence[of], 0);
  const messages = sum('messages');
  const { facts } = lead.evidence;
  const passedOn = parts.length === 0 && facts?.rule === KIND && facts.passed_on === true && facts.scattered !== true;
  const grave = messages >= GRAVE && lead.severity === 'low' && !passedOn;
  const severity = all.some((one) => one.severity === 'medium') || grave ? 'medium' : lead.severity;
  if (parts.length === 0) return { ...lead, severity };
  const { evidence } = lead;
  const who = all.flatMap((one) => one.evidence.who).sort((a, b) => b.messages - a.messages || a.source.localeCompare(b.source));
  const first_day = all.map((one) => one.first_day).sort()[0]!;
  const last_day = all
    .map((one) => one.last_day)
    .sort()
    .at(-1)!;
  const of = Math.max(messages, ...all.map((one) => one.evidence.of));
  const sources = who.slice(0, LISTED).map(({ source }) => source);
  return {
    ...lead,
    severity,
    confidence: Math.max(...all.map((one) => one.confidence)),
    first_day,
    last_day,
    evidence: {
      ...evidence,
      who: who.slice(0, LISTED),
      senders: sum('senders'),
      messages,
      of,
      share: messages / of,
      per_day: sum('per_day'),
      since: first_day,
      last_day,
      reporters: [...new Set(all.flatMap((one) => one.evidence.reporters))],
      delivered: sum('delivered'),
      quarantined: sum('quarantined'),
      rejected: sum('rejected'),
      ...(evidence.facts?.rule === KIND && { facts: { ...evidence.facts, joined: all.length } }),
      query: recordsQuery({ domain, sources, from: first_day, to: last_day, rows: 'all' }),
    },
  };
}
