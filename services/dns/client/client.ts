import { Cache } from './cache.ts';
import { type Reading, readAnswer } from './chain.ts';
import { type Exchange, exchange } from './exchange.ts';
import { labelsOf, lowerName, nameOf } from './name.ts';
import type { Server } from './servers.ts';
import type { Answer, AskOptions, Budget, Dns, RecordType, UnknownReason } from './types.ts';

export interface ClientOptions {
  /**
   * Asked in this order, the next one when one does not answer; a server that did not answer is asked last
   * for a while. A function is called before each query, since the system's servers may change.
   */
  servers: readonly Server[] | (() => readonly Server[]);
  /** Whether to ask for recursion (RD), the default; false for servers that hold the zone. */
  recursive?: boolean;
  /** Milliseconds for one try at one server. */
  timeoutMs?: number;
  /** Rounds over all servers. */
  tries?: number;
  /** Maximum number of queries in flight, and of queries that may wait. */
  atOnce?: number;
  waiting?: number;
  /**
   * Maximum number of queries a second over all servers; after a pause, as many at once. No limit without it.
   */
  perSecond?: number;
  /** Entries of the cache; 0 disables it. */
  cacheEntries?: number;
  /** Minimum and maximum seconds to cache an answer, and the maximum for a negative one. */
  minTtl?: number;
  maxTtl?: number;
  maxNegativeTtl?: number;
  /** Milliseconds of a monotonic clock. */
  now?: () => number;
}

/** Maximum size of the cache in octets: one answer may have 64 KiB. */
const CACHE_SIZE = 16 * 1024 * 1024;
/** Maximum number of CNAME records followed for one query, over all messages. */
const MOST_ALIASES = 12;
/** How long a server that failed is asked after all others. */
const SHUN_MS = 30_000;

/** A client of DNS servers: one stub resolver with a cache. */
export interface DnsClient extends Dns {
  /** Ends the queries in flight: each is answered `unknown`, `cancelled`. */
  cancel(): void;
}

/** A stub resolver over UDP and TCP that accepts answers from the given servers only. See docs/dns.md. */
export function createDnsClient(options: ClientOptions): DnsClient {
  return new Client(options);
}

interface Work {
  promise: Promise<Answer>;
  stop: AbortController;
  /** Callers that still wait for it. */
  waiters: number;
}

class Client implements DnsClient {
  private readonly servers: () => readonly Server[];
  private readonly recursive: boolean;
  private readonly timeoutMs: number;
  private readonly tries: number;
  private readonly turns: Turns;
  private readonly pace: Pace | null;
  private readonly cache: Cache<Answer>;
  private readonly minTtl: number;
  private readonly maxTtl: number;
  private readonly maxNegativeTtl: number;
  private readonly now: () => number;
  private readonly underWay = new Map<string, Work>();
  /** By what `placeOf` calls a server. */
  private readonly failedAt = new Map<string, number>();

  constructor(options: ClientOptions) {
    const { servers } = options;
    this.servers = typeof servers === 'function' ? servers : () => servers;
    this.recursive = options.recursive ?? true;
    this.timeoutMs = options.timeoutMs ?? 3_000;
    this.tries = options.tries ?? 2;
    this.turns = new Turns(options.atOnce ?? 64, options.waiting ?? 10_000);
    this.now = options.now ?? (() => performance.now());
    this.pace = options.perSecond === undefined ? null : new Pace(options.perSecond);
    this.cache = new Cache(options.cacheEntries ?? 5_000, CACHE_SIZE, this.now);
    this.minTtl = options.minTtl ?? 5;
    this.maxTtl = options.maxTtl ?? 3_600;
    this.maxNegativeTtl = options.maxNegativeTtl ?? 300;
  }

  async ask<T extends RecordType>(asked: string, type: T, options: AskOptions = {}): Promise<Answer<T>> {
    const labels = labelsOf(asked);
    if (labels === null) {
      const name = lowerName(asked);
      return { state: 'nxdomain', name, aliases: [], ttl: this.maxNegativeTtl, authenticated: false };
    }
    const name = lowerName(nameOf(labels));
    const key = `${type} ${name}${options.unchecked ? ' unchecked' : ''}`;
    const hit = this.cache.get(key);
    if (hit !== undefined) return hit as Answer<T>;
    const { signal, budget, unchecked } = options;
    if (signal?.aborted) return CANCELLED;
    let work = this.underWay.get(key);
    if (work === undefined) {
      const stop = new AbortController();
      const asking = { signal: stop.signal, budget: budget ?? { left: Number.POSITIVE_INFINITY }, unchecked };
      const promise = this.lookUp(name, type, asking)
        // The caller's list of servers may come from a file that cannot be read.
        .catch((error: unknown) => unknown('unreachable', `Nobody could be asked for ${name} (${type}): ${String(error)}.`))
        .finally(() => {
          if (this.underWay.get(key)?.stop === stop) this.underWay.delete(key);
        });
      work = { promise, stop, waiters: 0 };
      this.underWay.set(key, work);
    }
    return this.wait(key, work, signal) as Promise<Answer<T>>;
  }

  cancel(): void {
    for (const { stop } of this.underWay.values()) stop.abort();
    this.underWay.clear();
  }

  /** A caller that aborts leaves the query to the others; the last one ends it. */
  private wait(key: string, work: Work, signal: AbortSignal | undefined): Promise<Answer> {
    work.waiters++;
    return new Promise((resolve) => {
      const leave = () => {
        resolve(CANCELLED);
        if (--work.waiters > 0) return;
        if (this.underWay.get(key) === work) this.underWay.delete(key);
        work.stop.abort();
      };
      signal?.addEventListener('abort', leave, { once: true });
      work.promise.then((answer) => {
        signal?.removeEventListener('abort', leave);
        resolve(answer);
      });
    });
  }

  private async lookUp<T extends RecordType>(asked: string, type: T, asking: Asking): Promise<Answer<T>> {
    const aliases: string[] = [];
    let name = asked;
    let ttl = Number.POSITIVE_INFINITY;
    let authenticated = true;
    let size = 0;
    for (;;) {
      if ((labelsOf(name) ?? ['.']).some((label) => /[.\x80-\xff]/.test(label)))
        return unknown(
          'malformed',
          `${asked} leads to a name with dots or foreign octets inside its labels, which nothing of mail has.`,
        );
      const said = await this.askServers(name, type, { mostAliases: MOST_ALIASES - aliases.length, ...asking });
      if ('reason' in said)
        return unknown(
          said.reason,
          `The name service could not say what ${asked} holds (${type}): ${said.detail}.`,
          said.extended,
        );
      const { reading } = said;
      ttl = Math.min(ttl, reading.ttl);
      authenticated &&= said.authenticated;
      size += said.size;
      aliases.push(...reading.aliases);
      name = reading.name;
      if (reading.state === 'elsewhere') {
        if (new Set([asked, ...aliases]).size < aliases.length + 1 || aliases.length >= MOST_ALIASES)
          return unknown(
            'cname_loop',
            `The name service could not say what ${asked} holds (${type}): its CNAME records lead on and on.`,
          );
        continue;
      }
      const most = reading.state === 'records' ? this.maxTtl : this.maxNegativeTtl;
      ttl = Math.max(this.minTtl, Math.min(ttl, most));
      const told = { name, aliases, ttl, authenticated };
      const answer: Answer<T> =
        reading.state === 'records' ? { state: 'records', records: reading.records, ...told } : { state: reading.state, ...told };
      if (!asking.unchecked) this.cache.set(`${type} ${asked}`, answer, ttl, size);
      return answer;
    }
  }

  private async askServers<T extends RecordType>(
    name: string,
    type: T,
    { mostAliases, signal, budget, unchecked }: Asking & { mostAliases: number },
  ): Promise<Told<T> | Failure> {
    let failure: Failure = { reason: 'unreachable', detail: 'no name server is set' };
    for (let round = 0; round < this.tries; round++) {
      for (const server of this.inOrder()) {
        if (budget.left <= 0) return { reason: 'budget', detail: 'this takes more questions than are allowed' };
        budget.left--;
        const leave = await this.turns.take(signal);
        if (leave === null)
          return signal.aborted ? CANCELLED_FAILURE : { reason: 'budget', detail: 'too many questions wait for their turn' };
        let said: Exchange;
        try {
          await this.pace?.turn(signal);
          said = await exchange(server, name, type, { timeoutMs: this.timeoutMs, recursive: this.recursive, unchecked, signal });
        } finally {
          leave();
        }
        if (signal.aborted) return CANCELLED_FAILURE;
        if ('message' in said) {
          const { message } = said;
          const reading = readAnswer(message, name, type, { recursive: this.recursive, mostAliases });
          if (reading.state !== 'unknown') {
            this.failedAt.delete(placeOf(server));
            return { reading, authenticated: message.authenticated, size: sizeOf(reading) };
          }
          said = reading;
        }
        failure = { reason: said.reason, detail: `${placeOf(server)}: ${said.detail}`, extended: said.extended };
        // Every server reports the same loop.
        if (said.reason === 'cname_loop') return failure;
        if (said.reason === 'timeout' || said.reason === 'unreachable') this.failedAt.set(placeOf(server), this.now());
      }
    }
    return failure;
  }

  /** The servers in their order; those that recently did not answer come last. */
  private inOrder(): Server[] {
    const shunned = (server: Server) => (this.failedAt.get(placeOf(server)) ?? Number.NEGATIVE_INFINITY) > this.now() - SHUN_MS;
    const servers = this.servers();
    return [...servers.filter((server) => !shunned(server)), ...servers.filter(shunned)];
  }
}

function placeOf(server: Server): string {
  return server.port === 53 ? server.address : `${server.address} port ${server.port}`;
}

type Failure = { reason: UnknownReason; detail: string; extended?: string | undefined };
type Asking = { signal: AbortSignal; budget: Budget; unchecked: boolean | undefined };
type Told<T extends RecordType> = { reading: Exclude<Reading<T>, { state: 'unknown' }>; authenticated: boolean; size: number };

const CANCELLED_FAILURE: Failure = { reason: 'cancelled', detail: 'the question was ended before an answer came' };
const CANCELLED = unknown('cancelled', 'The question was ended before an answer came.');

function unknown(reason: UnknownReason, message: string, extended?: string): Answer & { state: 'unknown' } {
  return { state: 'unknown', reason, message, ...(extended !== undefined && { extended }) };
}

/** The approximate size of an answer in memory, in octets. */
function sizeOf(reading: Reading<RecordType>): number {
  if (reading.state !== 'records') return 200;
  let size = 200;
  for (const record of reading.records) size += 50 + JSON.stringify(record).length;
  return size;
}

/** Limits the rate of queries; unused capacity of the last second may be used at once. */
class Pace {
  private readonly perSecond: number;
  /**
   * Milliseconds, by performance.now(): when the next query may be sent if all earlier ones kept to the rate.
   */
  private next = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number) {
    this.perSecond = perSecond;
  }

  async turn(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    const at = Math.max(this.next, now - 1000);
    this.next = at + 1000 / this.perSecond;
    if (at <= now) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, at - now);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

/** Limits the number of queries in flight; others wait in their order of arrival. */
class Turns {
  private free: number;
  private readonly most: number;
  private readonly queue: (() => void)[] = [];

  constructor(atOnce: number, waiting: number) {
    this.free = atOnce;
    this.most = waiting;
  }

  /** @returns a function to call at the end; null when too many wait, or the signal aborted */
  take(signal: AbortSignal): Promise<(() => void) | null> {
    const leave = () => {
      const next = this.queue.shift();
      if (next === undefined) this.free++;
      else next();
    };
    if (signal.aborted) return Promise.resolve(null);
    if (this.free > 0) {
      this.free--;
      return Promise.resolve(leave);
    }
    if (this.queue.length >= this.most) return Promise.resolve(null);
    return new Promise((resolve) => {
      const enter = () => {
        signal.removeEventListener('abort', away);
        resolve(leave);
      };
      const away = () => {
        const at = this.queue.indexOf(enter);
        if (at >= 0) this.queue.splice(at, 1);
        resolve(null);
      };
      this.queue.push(enter);
      signal.addEventListener('abort', away, { once: true });
    });
  }
}
