import { readFileSync, statSync } from 'node:fs';
import { type ClientOptions, createDnsClient, type DnsClient } from '../../dns/client/client.ts';
import { parseServer, type Server, serversOfResolvConf } from '../../dns/client/servers.ts';
import type { Answer, Dns, RecordData, RecordType } from '../../dns/client/types.ts';
import { PermanentError, TransientError } from '../errors.ts';

const RESOLV_CONF = '/etc/resolv.conf';
const LOOK_EVERY_MS = 5_000;

/**
 * The DNS client for everything in this program. It does not read the system's hosts file.
 * @param servers "address", "address:port" or "[v6 address]:port"; when empty, those in /etc/resolv.conf,
 *   which is read again when it changes
 * @throws PermanentError `settings` when a server is none of these
 */
export function openDns(servers: readonly string[], options: Omit<ClientOptions, 'servers'> = {}): DnsClient {
  return createDnsClient({ ...options, servers: servers.length > 0 ? servers.map(toServer) : systemServers(RESOLV_CONF) });
}

function toServer(text: string): Server {
  const server = parseServer(text);
  if (server === null) throw new PermanentError('settings', `"${text}" is not a name server: give an address, or address:port.`);
  return server;
}

/** The servers in a resolv.conf at the time of a query; the file is checked every few seconds at most. */
export function systemServers(file: string, now: () => number = () => performance.now()): () => readonly Server[] {
  let servers: readonly Server[] = [];
  let changed = -1;
  let lookAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (now() < lookAt) return servers;
    lookAt = now() + LOOK_EVERY_MS;
    // Without the file, the C library assumes a server on this machine, and so do we.
    const at = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (at !== changed) {
      servers = serversOfResolvConf(at === 0 ? '' : readFileSync(file, 'utf8'));
      changed = at;
    }
    return servers;
  };
}

/** Looks up names. A parameter wherever DNS is needed, so that tests can replace it. */
export interface Resolver {
  /**
   * The TXT records of a name, each as its strings (RFC 1035 section 3.3.14). An empty list means that there
   * is none: no such name, or no record of this type.
   * @throws TransientError `dns_failed` when the query failed: a timeout, SERVFAIL, a server that is down
   */
  txt(name: string): Promise<string[][]>;
}

/** TXT records as a Resolver gives them; the client's cache keeps them for their TTL. */
export function txtResolver(dns: Dns): Resolver {
  return {
    async txt(name) {
      const records = recordsOf(await dns.ask(name, 'TXT'));
      return records.map((strings) => strings.map((text) => Buffer.from(text, 'latin1').toString('utf8')));
    },
  };
}

/** Looks up addresses. A parameter wherever that is needed, so that tests can query their own server. */
export interface ReverseResolver {
  /**
   * The names (PTR) under a name of in-addr.arpa or ip6.arpa, as published. An empty list means that there is
   * none.
   * @throws TransientError `dns_failed` when the query failed: a timeout, SERVFAIL, a server that is down,
   *   `cancel`
   */
  pointers(arpa: string): Promise<string[]>;
  /**
   * The addresses of a name: A for 4, AAAA for 6. An empty list means that there is none.
   * @throws TransientError `dns_failed`, as above
   */
  addresses(name: string, family: 4 | 6): Promise<string[]>;
  /** Ends the running queries: each throws. */
  cancel(): void;
}

/**
 * Looks up addresses without a cache, since the answers are stored in the database.
 * @param options.servers as for openDns
 */
export function reverseResolver(
  options: { servers?: readonly string[]; timeoutMs?: number; tries?: number } = {},
): ReverseResolver {
  const { servers = [], ...rest } = options;
  const dns = openDns(servers, { ...rest, cacheEntries: 0 });
  return {
    pointers: async (arpa) => [...recordsOf(await dns.ask(arpa, 'PTR'))],
    addresses: async (name, family) => [...recordsOf(await dns.ask(name, family === 4 ? 'A' : 'AAAA'))],
    cancel: () => dns.cancel(),
  };
}

/**
 * The records of an answer, possibly none.
 * @throws TransientError `dns_failed` when the query failed
 */
export function recordsOf<T extends RecordType>(answer: Answer<T>): readonly RecordData[T][] {
  if (answer.state === 'unknown') throw new TransientError('dns_failed', answer.message);
  return answer.state === 'records' ? answer.records : [];
}
