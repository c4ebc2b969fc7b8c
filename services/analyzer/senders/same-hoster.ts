import { addDays, earlier, later } from '../../shared/days.ts';
import { rankOf } from '../../shared/severity.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';

/** What began within so many days of each other at one hoster is one abuse. */
const NEAR = 14;

/**
 * Mails the abuse of one hoster once: a stranger who rents there sends unsigned from a network that our mail
 * comes from, and from its neighbours, which the SPF record admits as well. The most severe, then the
 * largest, represents all; the others are recorded, and in the digest. What is more severe than the one that
 * was mailed is mailed too.
 * @param known what is on file: what was mailed represents its hoster
 */
export function quietNeighbours(candidates: readonly Candidate[], known: readonly KnownFinding[]): Candidate[] {
  const told = known.filter((one) => one.state === 'open' && one.told !== null && isUnsigned(one));
  const all = candidates.filter(isUnsigned);
  // A new server of our own may be among others of the hoster: without abuse there is nothing to join.
  const isAbuse = ({ evidence }: Pick<Candidate, 'evidence'>) => evidence.facts?.rule === 'abused_sender';
  return candidates.map((one) => {
    if (!isUnsigned(one) || told.some((other) => isSame(other, one))) return one;
    const isKin = (other: Pick<Candidate, 'kind' | 'subject' | 'first_day' | 'evidence'>) =>
      !isSame(other, one) && isOneHoster(other, one) && isNear(other, one) && (isAbuse(other) || isAbuse(one));
    const mailed = told.some((other) => isKin(other) && rankOf(other.severity) >= rankOf(one.severity));
    const graver = all.some((other) => isKin(other) && before(other, one) < 0);
    return mailed || graver ? { ...one, quiet: true as const } : one;
  });
}

/** Mail that passes by SPF alone: beside our signed mail, or from a network that sent nothing before. */
function isUnsigned({ evidence: { facts } }: Pick<Candidate, 'evidence'>): boolean {
  if (facts?.rule === 'abused_sender') return facts.how !== 'foreign';
  return facts?.rule === 'new_source' && facts.by === 'spf' && facts.service === null;
}

/**
 * By the owner of both networks; where that of one is not known, by the range that hosters are given whole: a
 * /16, or an IPv6 /32.
 */
function isOneHoster(a: Pick<Candidate, 'subject' | 'evidence'>, b: Pick<Candidate, 'subject' | 'evidence'>): boolean {
  const [one, other] = [ownerOf(a), ownerOf(b)];
  if (one !== null && other !== null) return one === other;
  const range = /^(?:\d+\.\d+\.|[\da-f]+:[\da-f]+:)/;
  const of = range.exec(a.subject)?.[0];
  return of !== undefined && of === range.exec(b.subject)?.[0];
}

/** Whose network it comes from; null when nobody knows. */
function ownerOf({ evidence: { facts } }: Pick<Candidate, 'evidence'>): string | null {
  return (facts?.rule === 'abused_sender' || facts?.rule === 'new_source' ? facts.owner : null) ?? null;
}

function isSame(a: Pick<Candidate, 'kind' | 'subject'>, b: Pick<Candidate, 'kind' | 'subject'>): boolean {
  return a.kind === b.kind && a.subject === b.subject;
}

function isNear(a: Pick<Candidate, 'first_day'>, b: Pick<Candidate, 'first_day'>): boolean {
  return later(a.first_day, b.first_day) <= addDays(earlier(a.first_day, b.first_day), NEAR);
}

function before(a: Candidate, b: Candidate): number {
  const graver = rankOf(b.severity) - rankOf(a.severity);
  return graver || b.evidence.messages - a.evidence.messages || (a.subject < b.subject ? -1 : 1);
}
