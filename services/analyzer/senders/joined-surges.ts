import { addDays, earlier, later } from '../../shared/days.ts';
import { rankOf } from '../../shared/severity.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { recordsQuery } from '../../store/findings/kind-queries.ts';
import { openOf, rounded } from '../rules/window.ts';
import { isNetwork } from '../sources/network.ts';
import { joinedSpan, summed, wholeOf } from './joined.ts';

const KIND = 'volume_surge';
/** Surges that began within so many days of each other have one cause. */
const ONE_CAUSE_DAYS = 3;
/** Sources listed in the evidence, and in its query. */
const LISTED = 20;
/** So many times the usual, or so many with so many messages, is no campaign. */
const GRAVE = { times: 10, some: 5, messages: 1000 };

/**
 * Makes one finding of the surges of networks that belong to no sender by name: whoever runs machines without
 * reverse names sends through all of them at once. It stays with the network that was first mailed about;
 * else it is about the one with the most messages.
 * @param known what is on file, as the rules see it
 */
export function joinSurges(domain: string, found: readonly Candidate[], known: readonly KnownFinding[]): Candidate[] {
  const nameless = found.filter(isNameless).filter((one) => !wasPart(one, known));
  const isOpen = ({ subject }: Candidate) => openOf(known, KIND, subject) !== undefined;
  const [lead, ...others] = [...nameless].sort(
    (a, b) =>
      Number(isOpen(b)) - Number(isOpen(a)) ||
      rankOf(b.severity) - rankOf(a.severity) ||
      b.evidence.messages - a.evidence.messages ||
      (a.subject < b.subject ? -1 : 1),
  );
  const parts = lead === undefined ? [] : others.filter((one) => !isOpen(one) && isNear(lead, one));
  const open = lead && openOf(known, KIND, lead.subject);
  return found.flatMap((one) => {
    if (parts.includes(one) || (isNameless(one) && !nameless.includes(one))) return [];
    return one === lead && (parts.length > 0 || (open?.evidence.senders ?? 1) > 1) ? [together(domain, one, parts, open)] : [one];
  });
}

function isNameless({ kind, subject, severity, evidence: { facts } }: Candidate): boolean {
  return (
    kind === KIND && severity !== 'info' && isNetwork(subject) && facts?.rule === KIND && !facts.own && facts.service == null
  );
}

/**
 * Whether a finding about another network named it, and is over: the days that it was reported for are no
 * news.
 */
function wasPart({ subject, last_day }: Candidate, known: readonly KnownFinding[]): boolean {
  return known.some(
    (one) =>
      one.kind === KIND &&
      one.state === 'resolved' &&
      one.subject !== subject &&
      last_day <= addDays(one.last_day, ONE_CAUSE_DAYS) &&
      one.evidence.who.some(({ source }) => source === subject),
  );
}

function isNear(a: Candidate, b: Candidate): boolean {
  return later(a.last_day, b.last_day) <= addDays(earlier(a.last_day, b.last_day), ONE_CAUSE_DAYS);
}

function together(domain: string, lead: Candidate, parts: readonly Candidate[], open: KnownFinding | undefined): Candidate {
  const all = [lead, ...parts];
  const { evidence } = lead;
  // What an open finding has said stays said, also of a network that is back at its habit.
  const sum = (of: 'messages' | 'delivered' | 'quarantined' | 'rejected' | 'per_day') =>
    Math.max(summed(all, of), of === 'per_day' ? 0 : (open?.evidence[of] ?? 0));
  const before = open?.evidence.who.filter(({ source }) => !all.some((one) => one.subject === source)) ?? [];
  const who = [...all.flatMap((one) => one.evidence.who), ...before].sort(
    (a, b) => b.messages - a.messages || (a.source < b.source ? -1 : 1),
  );
  const { first_day, last_day, confidence, reporters } = joinedSpan(all);
  const messages = sum('messages');
  const of = wholeOf(all, messages);
  const facts = all.flatMap((one) => (one.evidence.facts?.rule === KIND ? [one.evidence.facts] : []));
  const expected = facts.reduce((n, one) => n + one.expected, 0);
  const times = summed(all, 'messages') / Math.max(1, expected);
  const grave = times >= GRAVE.times || (times >= GRAVE.some && messages >= GRAVE.messages);
  return {
    ...lead,
    severity: grave || all.some(({ severity }) => severity === 'medium') ? 'medium' : lead.severity,
    confidence,
    first_day,
    last_day,
    evidence: {
      ...evidence,
      who: who.slice(0, LISTED),
      senders: who.length,
      messages,
      of,
      share: messages / of,
      per_day: sum('per_day'),
      since: first_day,
      last_day,
      reporters,
      usual: rounded(all.reduce((n, one) => n + (one.evidence.usual ?? 0), 0)),
      delivered: sum('delivered'),
      quarantined: sum('quarantined'),
      rejected: sum('rejected'),
      facts: { ...facts[0]!, expected: rounded(expected), times: rounded(times) },
      query: recordsQuery({
        domain,
        sources: who.slice(0, LISTED).map(({ source }) => source),
        from: first_day,
        to: last_day,
        rows: 'all',
      }),
    },
  };
}
