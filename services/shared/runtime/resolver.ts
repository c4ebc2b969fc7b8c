import { readFileSync, statSync } from 'node:fs';
import { type ClientOptions, createDnsClient, type DnsClient } from '../../dns/client/client.ts';
import { parseServer, type Server, serversOfResolvConf } from '../../dns/client/servers.ts';
import type { Answer, Dns, RecordData, RecordType } from '../../dns/client/types.ts';
import { PermanentError, TransientError } from '../errors.ts';

const RESOLV_CONF = '/etc/resolv.conf';
const LOOK_EVERY_MS = 5_000;

/**
 * The client through which everything of ours asks DNS (not the system's hosts file).
 * @param servers "address", "address:port" or "[v6 address]:port"; when empty, those of /etc/resolv.conf, read again when it changes
 * @throws PermanentError `settings` when a server is none of these
 */
export function openDns(servers: readonly string[], options: Omit<ClientOptions, 'servers'> = {}): DnsClient {
  return createDnsClient({ ...options, servers: servers.length > 0 ? servers.map(toServer) : systemServers(RESOLV_CONF) });
}

function toServer(text: string): Server {
  const server = parseServer(text);
  if (server === null) throw new PermanentError('settings', `"${text}" is no name server: give an address, or address:port.`);
  return server;
}

/** The servers of a resolv.conf as it stands at the time of a question, looked at every few seconds at most. */
export function systemServers(file: string, now: () => number = () => performance.now()): () => readonly Server[] {
  let servers: readonly Server[] = [];
  let changed = -1;
  let lookAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (now() < lookAt) return servers;
    lookAt = now() + LOOK_EVERY_MS;
    // Without the file a machine may have a server of its own: the C library takes it so.
    const at = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (at !== changed) {
      servers = serversOfResolvConf(at === 0 ? '' : readFileSync(file, 'utf8'));
      changed = at;
    }
    return servers;
  };
}

/** Looks names up. A parameter wherever DNS is needed: tests hand in their own. */
export interface Resolver {
  /**
   * The TXT records of a name, each as its strings (RFC 1035 section 3.3.14). An empty list says that there is none: no such name,
   * or none of this type.
   * @throws TransientError `dns_failed` when nobody could say: a timeout, SERVFAIL, a server that is away
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

/** Asks who an address is. A parameter wherever that is asked: tests hand in one that asks their own server. */
export interface ReverseResolver {
  /**
   * The names (PTR) that stand under a name of in-addr.arpa or ip6.arpa, as they stand there. An empty list says that there is none.
   * @throws TransientError `dns_failed` when nobody could say: a timeout, SERVFAIL, a server that is away, `cancel`
   */
  pointers(arpa: string): Promise<string[]>;
  /**
   * The addresses of a name: A for 4, AAAA for 6. An empty list says that there is none.
   * @throws TransientError `dns_failed`, as above
   */
  addresses(name: string, family: 4 | 6): Promise<string[]>;
  /** Ends the questions under way: each throws. */
  cancel(): void;
}

/**
 * Asks who addresses are, without a cache: the answers are kept in the database.
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
 * The records of an answer, none when there are none.
 * @throws TransientError `dns_failed` when nobody could say
 */
export function recordsOf<T extends RecordType>(answer: Answer<T>): readonly RecordData[T][] {
  if (answer.state === 'unknown') throw new TransientError('dns_failed', answer.message);
  return answer.state === 'records' ? answer.records : [];
}
