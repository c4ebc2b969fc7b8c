import { createDnsClient } from './client.ts';
import type { Server } from './servers.ts';
import type { Answer, Dns, RecordType } from './types.ts';

/** Servers of a zone that are asked. */
const MOST_SERVERS = 16;
const DNS_PORT = 53;

/**
 * What every authoritative server of a zone says of a name, each asked directly.
 * @param asked.dns a resolver, which knows the servers and their addresses
 * @param primary is asked too, whether its zone names it or not
 * @returns null when the resolver does not say who they are; a server without an address is an answer
 *   `unknown`
 */
export async function askAuthorities<T extends RecordType>(
  { dns, zone, name, type, signal }: { dns: Dns; zone: string; name: string; type: T; signal: AbortSignal },
  primary: Server | null,
  connect: (server: Server) => Dns = (server) =>
    createDnsClient({ servers: [server], recursive: false, cacheEntries: 0, timeoutMs: 2_000, tries: 2 }),
): Promise<Answer<T>[] | null> {
  const names = await dns.ask(zone, 'NS', { signal });
  if (names.state === 'unknown') return null;
  const hosts = names.state === 'records' ? names.records.slice(0, MOST_SERVERS) : [];
  const found = await Promise.all(
    hosts.map(async (host) => {
      const addresses = await dns.ask(host, 'A', { signal });
      if (addresses.state === 'records') return addresses.records[0]!;
      const others = await dns.ask(host, 'AAAA', { signal });
      return others.state === 'records' ? others.records[0]! : null;
    }),
  );
  const silent: Answer<T> = { state: 'unknown', reason: 'unreachable', message: `A name server of ${zone} has no address.` };
  const servers = found.filter((one) => one !== null).map((address) => ({ address, port: DNS_PORT }));
  const answers = await Promise.all(
    [...servers, ...(primary === null ? [] : [primary])].map((server) => connect(server).ask(name, type, { signal })),
  );
  return [...answers, ...found.filter((one) => one === null).map(() => silent)];
}
