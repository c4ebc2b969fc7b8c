import { promises as dns } from 'node:dns';
import { codeOf, messageOf, TransientError } from './errors.ts';

/** Looks names up. A parameter wherever DNS is needed: tests hand in their own. */
export interface Resolver {
  /**
   * The TXT records of a name, each as its strings (RFC 1035 section 3.3.14). An empty list says that there is none: no such name,
   * or none of this type.
   * @throws TransientError `dns_failed` when nobody could say: a timeout, SERVFAIL, a server that is away
   */
  txt(name: string): Promise<string[][]>;
}

/** Answers that are answers: the name, or its type, does not exist, or cannot (a name that is none). */
const NOTHING = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME', 'EBADQUERY']);
const TIMEOUT_MS = 5_000;
const TRIES = 2;
/** TXT answers come without their TTL: what a published key may take to change, and what nearly every reporter sets at least. */
const KEEP_MS = 300_000;
/** A name that is not there yet may be published any moment. */
const KEEP_NOTHING_MS = 60_000;
const NAMES = 5_000;

/** What the system asks. Tests of the cache hand in their own. */
export type AskTxt = (name: string) => Promise<string[][]>;

/**
 * The resolver of the system's own servers, with a bounded cache. Questions under way are shared; failures are not kept.
 * @param options.now milliseconds, of a clock that only goes forward
 */
export function systemResolver(options: { ask?: AskTxt; now?: () => number; names?: number } = {}): Resolver {
  const ask = options.ask ?? askSystem();
  const now = options.now ?? (() => performance.now());
  const names = options.names ?? NAMES;
  const known = new Map<string, { until: number; records: string[][] }>();
  const underWay = new Map<string, Promise<string[][]>>();

  const lookUp = async (name: string): Promise<string[][]> => {
    let records: string[][] = [];
    try {
      records = await ask(name);
    } catch (error) {
      if (!NOTHING.has(codeOf(error) ?? '')) {
        throw new TransientError('dns_failed', `The name service could not say what ${name} holds: ${messageOf(error)}.`, error);
      }
    }
    // The oldest goes: a Map keeps the order of insertion.
    if (known.size >= names) known.delete(known.keys().next().value!);
    known.set(name, { until: now() + (records.length > 0 ? KEEP_MS : KEEP_NOTHING_MS), records });
    return records;
  };

  return {
    async txt(asked) {
      const name = asked.toLowerCase();
      const hit = known.get(name);
      if (hit && hit.until > now()) return hit.records;
      known.delete(name);
      let question = underWay.get(name);
      if (!question) {
        question = lookUp(name).finally(() => underWay.delete(name));
        underWay.set(name, question);
      }
      return question;
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
 * Asks DNS alone (not the system's hosts file), without a cache: the answers are kept in the database.
 * @param options.servers "address" or "address:port"; without, the system's own
 */
export function reverseResolver(
  options: { servers?: readonly string[]; timeoutMs?: number; tries?: number } = {},
): ReverseResolver {
  const resolver = new dns.Resolver({ timeout: options.timeoutMs ?? TIMEOUT_MS, tries: options.tries ?? TRIES });
  if (options.servers && options.servers.length > 0) resolver.setServers(options.servers);
  const answer = async (name: string, question: Promise<string[]>): Promise<string[]> => {
    try {
      return await question;
    } catch (error) {
      if (NOTHING.has(codeOf(error) ?? '')) return [];
      throw new TransientError('dns_failed', `The name service could not say what ${name} holds: ${messageOf(error)}.`, error);
    }
  };
  return {
    pointers: (arpa) => answer(arpa, resolver.resolvePtr(arpa)),
    addresses: (name, family) => answer(name, family === 4 ? resolver.resolve4(name) : resolver.resolve6(name)),
    cancel: () => resolver.cancel(),
  };
}

function askSystem(): AskTxt {
  const resolver = new dns.Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  return (name) => resolver.resolveTxt(name);
}
