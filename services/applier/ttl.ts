import { createDnsClient } from '../dns/client/client.ts';
import type { DnsChange } from '../requests/plan.ts';
import { sameMembers } from '../requests/plans/members.ts';
import type { DnsTarget } from '../shared/settings/dns-servers.ts';
import type { ChangeRow } from '../store/requests/applying.ts';
import { recordsAt } from './targets/everywhere.ts';

/** A week, in seconds: what a plan may set at most. */
const LONGEST_TTL = 604_800;

/**
 * The TTL, in seconds, that a record has at the server that is about to change it. A plan knows it from a
 * resolver, which counts it down. Null when the server does not say, or has other records than before the
 * change: it may be made already.
 */
export async function ttlAt(target: DnsTarget, change: DnsChange, signal: AbortSignal): Promise<number | null> {
  if (target.kind !== 'rfc2136' || change.before.length === 0) return null;
  const asSent = { minTtl: 0, maxTtl: LONGEST_TTL };
  const dns = createDnsClient({
    servers: [target.server],
    recursive: false,
    cacheEntries: 0,
    timeoutMs: 1_500,
    tries: 2,
    ...asSent,
  });
  const found = await recordsAt(dns, change, signal);
  return found !== null && sameMembers(found.members, change.before) ? found.ttl : null;
}

/** A change with the TTL that was noted when it was intended in place of the one that the plan knew. */
export function withTtl<T extends { target: string }>(change: T | DnsChange, row: ChangeRow | undefined): T | DnsChange {
  if (!isDns(change) || row?.ttl_before == null) return change;
  return { ...change, ttl: { ...change.ttl, before: row.ttl_before } };
}

/**
 * The change that gives a record its TTL again after a change that had set a shorter one, so that it could be
 * taken back quickly; null when there is nothing to put back.
 */
export function ttlBack(change: DnsChange): DnsChange | null {
  const { ttl, before, after } = change;
  if (before.length === 0 || after.length === 0 || ttl.before === null || ttl.after === null || ttl.before <= ttl.after)
    return null;
  return { ...change, ttl: { before: ttl.after, after: ttl.before }, before: after, after };
}

function isDns(change: { target: string }): change is DnsChange {
  return change.target === 'dns';
}
