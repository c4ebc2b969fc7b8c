import { groupBy } from '../../shared/group-by.ts';
import { rankOf } from '../../shared/severity.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { isNetwork } from '../sources/network.ts';
import { type Catalogue, lookup } from './catalogue.ts';

const KIND = 'alignment_failure';

/**
 * Mails what one sender does once: a service that is not set up shows under several domains of its own, and
 * own servers in several networks. The most severe, then the largest, represents all; the others are
 * recorded, and in the digest, as long as it is open. One that is more severe than what was mailed is mailed.
 * @param known what is on file: who was mailed about it represents its sender
 */
export function quietSiblings(
  candidates: readonly Candidate[],
  known: readonly KnownFinding[],
  catalogue: Catalogue,
): Candidate[] {
  const loud = candidates.filter((one) => one.kind === KIND && one.severity !== 'info');
  const found = groupBy(loud, (one) => unalignedSender(one, catalogue));
  const told = known.filter((one) => one.kind === KIND && one.state === 'open' && one.told !== null && one.severity !== 'info');
  const isTold = ({ subject }: Candidate) => told.some((one) => one.subject === subject);
  return candidates.map((one) => {
    if (one.kind !== KIND || one.severity === 'info' || isTold(one)) return one;
    const key = unalignedSender(one, catalogue);
    const others = told.filter((other) => unalignedSender(other, catalogue) === key);
    const first = found
      .get(key)!
      .filter((other) => !isTold(other))
      .sort(gravestFirst)[0];
    const covered = others.some(({ severity }) => rankOf(severity) >= rankOf(one.severity));
    return covered || first !== one ? { ...one, quiet: true as const } : one;
  });
}

/**
 * The sender of unaligned mail: a service by its own domains, not by those of its customers; the own servers.
 */
function unalignedSender({ subject, evidence }: Candidate, catalogue: Catalogue): string {
  const { facts } = evidence;
  if (facts?.rule === KIND && facts.bare && facts.approved_by === null) return 'own servers';
  if (isNetwork(subject)) return subject;
  const service = lookup(catalogue, { dkim_domains: [subject], spf_domain: subject, reverse_name: null });
  const names = service === null ? [] : [...service.dkim_domains, ...service.spf_domains];
  return service !== null && names.includes(subject) ? service.id : subject;
}

function gravestFirst(a: Candidate, b: Candidate): number {
  const graver = rankOf(b.severity) - rankOf(a.severity);
  return graver || b.evidence.messages - a.evidence.messages || (a.subject < b.subject ? -1 : 1);
}
