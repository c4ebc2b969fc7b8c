import { setMaxListeners } from 'node:events';
import { type CheckOptions, checkDomain } from '../dns/check/check.ts';
import { createDnsClient } from '../dns/client/client.ts';
import type { Dns } from '../dns/client/types.ts';
import { wantedSelectors } from '../dns/guard/compare.ts';
import type { Web } from '../dns/web.ts';
import { organizationalDomain } from '../report/orgdomain.ts';
import { addDays, dayOf } from '../shared/days.ts';
import { GuardWatch } from '../shared/guard-watch.ts';
import { markTrust } from '../shared/mark-authorities.ts';
import { Pace } from '../shared/pace.ts';
import { Failures } from '../shared/runtime/failures.ts';
import { openDns } from '../shared/runtime/resolver.ts';
import { type Context, firstStuck, repeat, type Service, sweepMs } from '../shared/runtime/service.ts';
import { openWeb } from '../shared/runtime/web.ts';
import { loadCheck } from '../store/dns/checks.ts';
import { dueNow, type StoredDrifts, watchedAmong } from '../store/dns/drifts.ts';
import { forgetLookalikes } from '../store/dns/lookalikes.ts';
import { type Changes, type LiveRecord, storeRound } from '../store/dns/records.ts';
import { forgetRecords, loadKeyNames, takeNamed, takeWatched, type Watched } from '../store/dns/watch.ts';
import { changesOf, mustAskAgain } from './changes.ts';
import { checked, isNews, stsKnown } from './check.ts';
import { drifted, isDriftNews } from './drift.ts';
import { compareDeclared, guardedBy, namesAround } from './guard.ts';
import { watchLookalikes } from './lookalikes.ts';
import type { KeyName } from './names.ts';
import { paced } from './names.ts';
import { changesPosture } from './posture.ts';
import { askRound, type Round } from './round.ts';
import { seenMail } from './seen.ts';
import { publicWeb } from './web.ts';

const NAME = 'watcher';
const MINUTE_MS = 60_000;
/** Domains that are asked about at once, and that are taken at once. */
const AT_ONCE = 4;
const BATCH = 20;
/** One domain at most, whatever its records say and however slow its servers are. */
const ROUND_MS = 90_000;
const QUESTIONS = 800;
/** How long a batch may take; after that another watcher takes what is left. */
const LEASE_MS = 15 * MINUTE_MS;
/**
 * When a value is asked about again that was not there: soon, since a change should be known, not assumed.
 */
const AGAIN_MS = 5 * MINUTE_MS;
/** How often what is not watched any more is deleted. */
const FORGET_MS = 60 * MINUTE_MS;
/** Days of reports whose keys are watched. */
const KEY_DAYS = 90;
/** Milliseconds for one question at one authoritative server, and how often it is asked. */
const SERVER = { timeoutMs: 2_000, tries: 2, atOnce: 4 };

export interface WatcherOptions {
  /** A resolver. */
  dns?: Dns;
  /** A client of the authoritative server at an address. */
  connect?: (address: string) => Dns;
  /** Fetches MTA-STS policies and BIMI logos. */
  web?: Web;
  /** Between 0 and 1, for the jitter of the schedule. */
  random?: () => number;
}

/**
 * Asks DNS for the records of own domains about mail on a schedule, and keeps what it saw: each value with
 * the time it was first and last seen, and by which servers. Nothing waits for it.
 */
export function startWatcher(context: Context, given: WatcherOptions = {}): Service {
  const { config } = context;
  const log = context.log.child({ service: NAME });
  const on = config.watcher.dns === 'on';
  if (!on) log.info('watcher.dns is off: DNS records are not watched');
  const client = on && given.dns === undefined ? openDns(config.dnsServers) : null;
  const watcher = new Watcher(context, given.dns ?? client, given);
  const failures = new Failures('The watcher cannot finish its work');
  const run = (signal: AbortSignal, turned: () => void) => failures.noting('records', () => watcher.run(signal, turned));
  const loop = on ? repeat(sweepMs(config), run, log, 'watching DNS records') : null;
  return {
    name: NAME,
    waitingFor: () => failures.first(),
    stuck: () => firstStuck([loop]),
    stop: async () => {
      const stopped = loop?.stop();
      client?.cancel();
      await stopped;
    },
  };
}

/**
 * Asks once about all domains that are due by the context's clock: for whoever moves the clock himself.
 * @param given with a resolver
 */
export function watchOnce(context: Context, given: WatcherOptions & { dns: Dns }): Promise<void> {
  return new Watcher(context, given.dns, given).run(new AbortController().signal, () => undefined);
}

/** What a round of one domain found. */
export interface Look {
  domain: string;
  /** It was the first round: what was found then is no change. */
  first: boolean;
  /** No question had an answer: silence, SERVFAIL or a refusal. */
  unanswered: boolean;
  added: readonly LookedAt[];
  gone: readonly LookedAt[];
  /** One answer lacks it; the next one decides. */
  missed: readonly LookedAt[];
}

export interface LookedAt {
  name: string;
  type: string;
  value: string;
}

/**
 * Asks about own domains now, whether they are due or not.
 * @param domains null: all own domains; names that are not own are left out
 */
export function lookNow(
  context: Context,
  domains: readonly string[] | null,
  given: WatcherOptions & { dns: Dns },
): Promise<Look[]> {
  return new Watcher(context, given.dns, given).look(domains, new AbortController().signal);
}

class Watcher {
  private readonly context: Context;
  private readonly log: Context['log'];
  private readonly dns: Dns | null;
  private readonly connect: (address: string) => Dns;
  private readonly web: Web | undefined;
  private readonly random: () => number;
  private readonly pace: Pace;
  private readonly guard: GuardWatch;
  private forgotAt = Number.NEGATIVE_INFINITY;
  /** Whether the last round found nobody who answers. */
  private silent = false;

  constructor(context: Context, dns: Dns | null, { connect, random, web }: WatcherOptions) {
    this.context = context;
    this.log = context.log.child({ service: NAME });
    this.pace = new Pace(context.config.watcher.queries_per_second);
    const turn = (signal?: AbortSignal) => this.pace.turn(signal);
    this.dns = dns && paced(dns, turn);
    const direct =
      connect ??
      ((address: string) => createDnsClient({ servers: [{ address, port: 53 }], recursive: false, cacheEntries: 0, ...SERVER }));
    this.connect = (address) => paced(direct(address), turn);
    this.web = web ?? (this.dns === null ? undefined : publicWeb(openWeb(this.dns)));
    this.random = random ?? Math.random;
    this.guard = new GuardWatch(context.config.guardFile, this.log);
  }

  /** Asks about all domains that are due. */
  async run(signal: AbortSignal, turned: () => void): Promise<void> {
    const { db, clock } = this.context;
    if (this.dns === null) return;
    if (clock.now().getTime() - this.forgotAt >= FORGET_MS) {
      this.forgotAt = clock.now().getTime();
      await forgetRecords(db, clock.now());
      await forgetLookalikes(db, dayOf(clock.now()));
    }
    if (this.guard.refresh()) await dueNow(db, namesAround(this.guard.declared!), clock.now());
    while (!signal.aborted) {
      const waiting = await takeWatched(db, clock.now(), this.after(LEASE_MS), BATCH);
      if (waiting.length === 0) break;
      await this.rounds(waiting, signal, turned);
    }
    // A few at a time: what is due of own domains comes first.
    if (!signal.aborted && !this.silent) await watchLookalikes(this.context, this.dns, signal);
    turned();
  }

  /** One round of each domain. */
  async look(domains: readonly string[] | null, signal: AbortSignal): Promise<Look[]> {
    this.guard.refresh();
    const { db, clock } = this.context;
    const taken = await takeNamed(db, domains, { now: clock.now(), until: this.after(LEASE_MS) });
    const first = new Set(taken.flatMap(({ domain, asked_at }) => (asked_at === null ? [domain] : [])));
    const looks: Look[] = [];
    await this.rounds(taken, signal, (look) => void (look && looks.push({ ...look, first: first.has(look.domain) })));
    return looks.sort((a, b) => (a.domain < b.domain ? -1 : 1));
  }

  private async rounds(
    domains: Watched[],
    signal: AbortSignal,
    ended: (look: Omit<Look, 'first'> | null) => void,
  ): Promise<void> {
    const waiting = [...domains];
    const worker = async (dns: Dns) => {
      for (let one = waiting.shift(); one !== undefined && !signal.aborted; one = waiting.shift()) {
        ended(await this.round(one, dns, signal));
      }
    };
    const workers = await Promise.allSettled(Array.from({ length: AT_ONCE }, () => worker(this.dns!)));
    for (const one of workers) if (one.status === 'rejected') throw one.reason;
  }

  /** @returns null when it was interrupted, or the domain is not watched any more */
  private async round({ domain, attempts }: Watched, dns: Dns, signal: AbortSignal): Promise<Omit<Look, 'first'> | null> {
    const { db, clock, config } = this.context;
    const keys = await this.keysOf(domain);
    const asking = { registrable: organizationalDomain, signal: AbortSignal.any([signal, AbortSignal.timeout(ROUND_MS)]) };
    setMaxListeners(0, asking.signal);
    const round = await askRound(domain, dns, { ...asking, keys, connect: this.connect, budget: { left: QUESTIONS } });
    const selectors = keys.filter((key) => key.domain === domain).map(({ selector }) => selector);
    const stored = await loadCheck(db, domain);
    // What is decided about a sender from now on is not in it.
    const readAt = clock.now();
    const seen = round.silent ? undefined : await seenMail(db, domain, stored, readAt);
    // The resolver's cache has most of it by now.
    const check = round.silent
      ? null
      : await checkDomain(domain, dns, {
          ...asking,
          selectors,
          mailboxes: config.mailboxes.flatMap(({ addresses }) => addresses),
          ...this.fetching(),
          stsBefore: stsKnown(stored, { mtaSts: null }),
          seen,
        });
    const drift = round.silent ? null : await this.drift(domain, dns, asking);
    // An interrupted round is due again when its lease ends.
    if (signal.aborted) return null;
    const now = clock.now();
    this.say(round.silent);
    this.count(round);
    let live: readonly LiveRecord[] = [];
    const changes = await storeRound(db, domain, now, {
      change: (stored) => {
        ({ live } = stored);
        return changesOf(stored, { ...round, now });
      },
      check: (before) => {
        if (check === null) return { check: null, news: false };
        const after = checked(before, check, now, seen === undefined ? null : readAt);
        return { check: after, news: isNews(before, after) || changesPosture(before?.records, after.records) };
      },
      drift: drift && ((before) => drift(before, now)),
      due: (found) => this.due(found, round.silent ? attempts + 1 : 0),
    });
    if (changes === null) return null;
    if (changes.added.length + changes.gone.length > 0)
      this.log.info({ domain, new: changes.added.length, gone: changes.gone.length }, 'DNS records changed');
    const among = (keys: readonly { record_key: number }[]) =>
      live.filter(({ record_key }) => keys.some((one) => one.record_key === record_key));
    const unanswered = round.observed.every(({ answers }) => answers.every(({ state }) => state === 'unknown'));
    return { domain, unanswered, added: changes.added, gone: among(changes.gone), missed: among(changes.missed) };
  }

  /** The keys in reports, in DNS before, and in the settings. */
  private async keysOf(domain: string): Promise<KeyName[]> {
    const { db, clock, config } = this.context;
    const { declared } = this.guard;
    const selectors = [...(config.watcher.selectors[domain] ?? []), ...(declared ? wantedSelectors(declared, domain) : [])];
    const named = [...new Set(selectors)].map((selector) => ({ domain, selector }));
    return [...named, ...(await loadKeyNames(db, domain, addDays(dayOf(clock.now()), -KEY_DAYS)))];
  }

  /**
   * Compares what is declared of a domain, and of names below it, with DNS; null while the declaration cannot
   * be read.
   */
  private async drift(
    domain: string,
    dns: Dns,
    asking: CheckOptions & { signal: AbortSignal },
  ): Promise<((before: StoredDrifts | null, now: Date) => { drifts: StoredDrifts | null; news: boolean }) | null> {
    const { declared } = this.guard;
    if (declared === undefined) return null;
    const watched = declared === null ? new Set<string>() : await watchedAmong(this.context.db, namesAround(declared));
    const domains = declared === null ? [] : guardedBy(domain, declared, watched);
    if (declared === null || domains.length === 0) return (before) => ({ drifts: null, news: isDriftNews(before, null) });
    const checks = await compareDeclared(declared, domains, dns, { ...asking, ...this.fetching() });
    return (before, now) => {
      const after = drifted(before, checks, now);
      return { drifts: after, news: isDriftNews(before, after) };
    };
  }

  /** The next round, moved by up to a tenth, so that a thousand domains are not asked about at once. */
  private due(changes: Changes, attempts: number): { at: Date; attempts: number } {
    const every = this.context.config.watcher.every_minutes * MINUTE_MS;
    const soon = Math.min(every, AGAIN_MS);
    const wait = mustAskAgain(changes) ? soon : attempts > 0 ? Math.min(every, soon * 2 ** (attempts - 1)) : every;
    return { at: this.after(wait * (0.9 + 0.2 * this.random())), attempts };
  }

  /** Says once that nobody answers, and once that somebody does again. */
  private say(silent: boolean): void {
    if (silent && !this.silent) this.log.warn('no name server answers: DNS records are not watched until one does');
    if (!silent && this.silent) this.log.info('name servers answer again: DNS records are watched');
    this.silent = silent;
  }

  private count({ observed }: Round): void {
    for (const { answers } of observed) for (const { state } of answers) this.context.metrics.dnsAnswers.inc({ outcome: state });
  }

  /** What documents are fetched with, and whose certificates count. */
  private fetching(): Pick<CheckOptions, 'web' | 'marks'> {
    return this.web ? { web: this.web, marks: markTrust(this.context.clock.now()) } : {};
  }

  private after(ms: number): Date {
    return new Date(this.context.clock.now().getTime() + ms);
  }
}
