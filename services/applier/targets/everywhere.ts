import { isIPv4 } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Dns } from '../../dns/client/types.ts';
import type { Member } from '../../requests/plan.ts';
import { aliasOf, sameMembers, txtMember } from '../../requests/plans/members.ts';
import type { RecordChange } from './target.ts';

/** What asks the other servers of a zone. */
export interface Around {
  /** Finds their addresses. */
  resolver: Dns;
  /** A client of one server, that is asked without recursion. */
  connect(address: string): Dns;
}

/** More servers of a zone than this are not asked. */
const MOST_SERVERS = 8;
/** A secondary server gets a change within seconds where the primary notifies it (RFC 1996). */
const LOOKS = 3;
const BETWEEN_MS = 1_000;

/** The records of a name that a server has now; null when it does not say. */
async function presentAt(dns: Dns, record: Pick<RecordChange, 'name' | 'type'>, signal?: AbortSignal): Promise<Member[] | null> {
  return (await recordsAt(dns, record, signal))?.members ?? null;
}

/** The same with their TTL, in seconds: null where the name has none of its own. */
export async function recordsAt(
  dns: Dns,
  { name, type }: Pick<RecordChange, 'name' | 'type'>,
  signal?: AbortSignal,
): Promise<{ members: Member[]; ttl: number | null } | null> {
  const none = { members: [], ttl: null };
  if (type === 'CNAME') {
    const answer = await dns.ask(name, type, { signal });
    if (answer.state === 'unknown') return null;
    return answer.state === 'records' ? { members: answer.records.map(aliasOf), ttl: answer.ttl } : none;
  }
  const answer = await dns.ask(name, 'TXT', { signal });
  if (answer.state === 'unknown') return null;
  if (answer.state !== 'records') return none;
  return { members: answer.records.map(txtMember), ttl: answer.aliases.length === 0 ? answer.ttl : null };
}

/**
 * Reads a change back from every authoritative server of its zone.
 * @returns sentences about those that do not have it, with a blank before each; empty when all do
 */
export async function notEverywhere(
  change: RecordChange,
  { zone, primary }: { zone: string; primary: Dns },
  { resolver, connect }: Around,
  signal?: AbortSignal,
): Promise<string> {
  const servers = await primary.ask(zone, 'NS', { signal });
  if (servers.state !== 'records') return ' Which other servers the zone has is not known.';
  const said = await Promise.all(
    servers.records.slice(0, MOST_SERVERS).map(async (server) => {
      const address = (await addressOf(server, primary, signal)) ?? (await addressOf(server, resolver, signal));
      if (address === null) return ` ${server} could not be asked: it has no address that is known here.`;
      const dns = connect(address);
      for (let look = 1; ; look++) {
        const there = await presentAt(dns, change, signal);
        if (there === null) return ` ${server} (${address}) did not answer.`;
        if (sameMembers(there, change.after)) return '';
        if (look === LOOKS || signal?.aborted) return ` ${server} (${address}) does not have it yet.`;
        await wait(BETWEEN_MS, undefined, { signal }).catch(() => undefined);
      }
    }),
  );
  return said.join('');
}

async function addressOf(server: string, dns: Dns, signal?: AbortSignal): Promise<string | null> {
  const four = await dns.ask(server, 'A', { signal });
  if (four.state === 'records') return four.records.find((one) => isIPv4(one)) ?? null;
  const six = await dns.ask(server, 'AAAA', { signal });
  return six.state === 'records' ? six.records[0]! : null;
}
