import { organizationalDomain } from '../../report/orgdomain.ts';
import { isOfKnown } from '../../report/reporters/reporters.ts';
import { sleep } from '../../shared/clock.ts';
import { TransientError } from '../../shared/errors.ts';
import type { Resolver } from '../../shared/runtime/resolver.ts';

/** How long a name whose query failed is not queried again. */
const FAILED_MS = 20_000;
/**
 * How long a name that was answered may be queried without limits: long enough for a reporter that reports
 * once a week.
 */
const ANSWERED_MS = 8 * 24 * 3_600_000;
/**
 * Names of one organization that are queried at a time; and how many may fail within FAILED_MS before its
 * other names are refused.
 */
const PER_ORGANIZATION = 8;
/** Names and organizations that are remembered. */
const REMEMBERED = 10_000;
/**
 * Unfamiliar names that are queried at a time, over all organizations. The DNS client takes more, so familiar
 * names have room.
 */
export const UNFAMILIAR_QUERIES = 160;
/** When so many names have failed within FAILED_MS, unfamiliar names are waited for HURRIED_MS only. */
const STRAINED_FAILURES = 16;
const HURRIED_MS = 500;

/**
 * A resolver for DKIM keys that keeps name servers which never answer from holding up the others. Anybody who
 * runs such a server can mail thousands of signatures, each with a key name of its own, and each would be
 * waited for. So a name whose query failed is not queried again for some seconds, and where several names of
 * an organization failed, its other names are refused as well. Organizations cost nothing either: the name
 * servers of millions of domains are gone. So where many names failed, an unfamiliar name is waited for a
 * moment only and retried later, and all unfamiliar names together never have more than a part of the queries
 * that run at a time.
 *
 * A name is familiar when it was answered before, or belongs to a listed reporter. It may always be queried:
 * otherwise anybody could prevent a reporter's key from being looked up, by signing in its name with key
 * names that do not exist.
 * @param now milliseconds, of a monotonic clock
 */
export function keyResolver(resolver: Resolver, now: () => number = () => performance.now()): Resolver {
  return new KeyResolver(resolver, now);
}

class KeyResolver implements Resolver {
  private readonly resolver: Resolver;
  private readonly now: () => number;
  private readonly failed = new Map<string, number>();
  private readonly answered = new Map<string, number>();
  private readonly organizations = new Map<string, Organization>();
  private readonly pending = new Map<string, Promise<string[][]>>();
  /** When names failed last, in order, at most STRAINED_FAILURES of them. */
  private failures: number[] = [];
  private readonly places = new Places(UNFAMILIAR_QUERIES);

  constructor(resolver: Resolver, now: () => number) {
    this.resolver = resolver;
    this.now = now;
  }

  async txt(name: string): Promise<string[][]> {
    const domain = /\._domainkey\.(.+)$/i.exec(name)?.[1]?.toLowerCase() ?? name;
    if (since(this.failed, name, this.now()) < FAILED_MS)
      throw new TransientError('dns_failed', `A query for ${name} was not answered a moment ago.`);
    let answer = this.pending.get(name);
    if (answer === undefined) {
      answer = this.queryLimited(name, domain).finally(() => this.pending.delete(name));
      this.pending.set(name, answer);
    }
    if (this.isFamiliar(name, domain) || !this.isStrained()) return answer;
    // A later answer is remembered, and available when the name is queried again.
    return Promise.race([answer, sleep(HURRIED_MS).then(() => Promise.reject(hurried(name)))]);
  }

  private isFamiliar(name: string, domain: string): boolean {
    return since(this.answered, name, this.now()) < ANSWERED_MS || isOfKnown(domain);
  }

  private isStrained(): boolean {
    this.failures = this.failures.filter((at) => this.now() - at < FAILED_MS);
    return this.failures.length >= STRAINED_FAILURES;
  }

  private async queryLimited(name: string, domain: string): Promise<string[][]> {
    if (this.isFamiliar(name, domain)) return this.ask(name);
    const key = organizationalDomain(domain);
    const organization = this.organizations.get(key) ?? { running: 0, waiting: [], failedAt: [] };
    remember(this.organizations, key, organization);
    if (organization.running >= PER_ORGANIZATION) await new Promise<void>((resolve) => organization.waiting.push(resolve));
    organization.failedAt = organization.failedAt.filter((at) => this.now() - at < FAILED_MS);
    organization.running++;
    try {
      if (organization.failedAt.length >= PER_ORGANIZATION)
        throw new TransientError('dns_failed', `The name servers of ${key} did not answer queries for other keys a moment ago.`);
      return await this.queryUnfamiliar(name, organization);
    } finally {
      organization.running--;
      organization.waiting.shift()?.();
    }
  }

  private async queryUnfamiliar(name: string, organization: Organization): Promise<string[][]> {
    if (!(await this.places.take(this.isStrained() ? HURRIED_MS : null))) throw hurried(name);
    try {
      return await this.ask(name);
    } catch (error) {
      organization.failedAt.push(this.now());
      throw error;
    } finally {
      this.places.release();
    }
  }

  private async ask(name: string): Promise<string[][]> {
    try {
      const records = await this.resolver.txt(name);
      remember(this.answered, name, this.now());
      return records;
    } catch (error) {
      remember(this.failed, name, this.now());
      this.failures = [...this.failures, this.now()].slice(-STRAINED_FAILURES);
      throw error;
    }
  }
}

function hurried(name: string): TransientError {
  return new TransientError(
    'dns_failed',
    `Many name servers do not answer, so ${name} was waited for only a moment; the query is repeated later.`,
  );
}

/** A limited number of places, given out in the order in which they were asked for. */
class Places {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(places: number) {
    this.free = places;
  }

  /**
   * @param ms how long to wait for a place, in milliseconds; null: without limit. @returns false when no
   *   place was free in time
   */
  async take(ms: number | null): Promise<boolean> {
    if (this.free > 0) {
      this.free--;
      return true;
    }
    return new Promise((resolve) => {
      const give = () => {
        clearTimeout(timer);
        resolve(true);
      };
      const giveUp = () => {
        this.waiting.splice(this.waiting.indexOf(give), 1);
        resolve(false);
      };
      const timer = ms === null ? undefined : setTimeout(giveUp, ms);
      this.waiting.push(give);
    });
  }

  /** Gives the place to whoever has waited longest. */
  release(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.free++;
  }
}

/** The queries for names of one organization. */
interface Organization {
  running: number;
  waiting: (() => void)[];
  failedAt: number[];
}

const since = (at: ReadonlyMap<string, number>, name: string, now: number) => now - (at.get(name) ?? Number.NEGATIVE_INFINITY);

/** Adds an entry as the newest; drops the oldest when there are too many. */
function remember<V>(map: Map<string, V>, name: string, value: V): void {
  map.delete(name);
  map.set(name, value);
  if (map.size > REMEMBERED) map.delete(map.keys().next().value!);
}
