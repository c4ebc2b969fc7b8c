import { randomBytes } from 'node:crypto';
import type { Dns, RecordType } from '../dns/client/types.ts';
import { type RrSet, readRrSet, sameRrSet } from '../dns/wire/rrset.ts';

/** Octets of a label that no zone has by chance. */
const LABEL_BYTES = 10;

/** What a server has of a name and a type, and whether a wildcard may have answered. */
export interface ReadSet {
  found: Awaited<ReturnType<typeof readRrSet>>;
  /**
   * A name beside it that nobody has made has the same records: they may be those of a wildcard, and the name
   * itself have none.
   */
  synthesized: boolean;
}

/**
 * Reads an RRset, and where there is one, whether any name in its place would have it (RFC 4592): an answer
 * does not say so, and conditions of an update are about the name itself (RFC 2136 section 3.2).
 */
export async function readWithWildcards(dns: Dns, name: string, type: RecordType, signal?: AbortSignal): Promise<ReadSet> {
  const found = await readRrSet(dns, name, type, signal);
  const at = name.indexOf('.');
  if (found === null || (found !== 'alias' && found.members.length === 0) || name.startsWith('*.') || at < 1)
    return { found, synthesized: false };
  const beside = `${randomBytes(LABEL_BYTES).toString('hex')}${name.slice(at)}`;
  if (found === 'alias') {
    const [own, other] = await Promise.all([readRrSet(dns, name, 'CNAME', signal), readRrSet(dns, beside, 'CNAME', signal)]);
    return { found, synthesized: same(own, other) };
  }
  return { found, synthesized: same(found, await readRrSet(dns, beside, type, signal)) };
}

const same = (a: ReadSet['found'], b: ReadSet['found']): boolean =>
  a !== null && b !== null && a !== 'alias' && b !== 'alias' && a.members.length > 0 && sameRrSet(a, b);

/** An RRset without records. */
export const emptySet = (name: string, type: RecordType): RrSet => ({ name, type, ttl: null, members: [] });
