import { isTransient, messageOf } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Context } from '../shared/runtime/service.ts';
import { backlogExists, type WaitingDomain, waitingDomains } from '../store/analysis/work.ts';
import { analyzeDomain } from './analyze.ts';
import { alarmUrgent, URGENT_IN_BACKLOG_MS } from './urgent.ts';

/** Domains looked at in one sweep; the next goes on with the rest. */
const SWEEP_DOMAINS = 1000;
/**
 * Domains that only reporters without a say report on: this many are analysed before checking whether
 * anything else waits.
 */
const LATER_AT_ONCE = 25;
/** How long one domain is worked on while others wait. */
const TURN_MS = 10_000;
/** While work waits for a backlog to end, how often to look whether it did. */
const LOOK_AGAIN_MS = 1_000;

/**
 * Analyses the domains whose work is due, and comes back for the others.
 *
 * Work is due when no more mail is on its way in, so that the weeks of a first import are analysed as a whole
 * and not day by day; or when it has waited for `analyzer.patience_seconds`, so that a mailbox that never
 * runs empty does not postpone it forever.
 */
export class DueWork {
  readonly #context: Context;
  readonly #patience: number;
  readonly #lookAtUrgent: (domain: string) => Promise<void>;
  readonly #stopping = new AbortController();
  #lookAgain: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #patienceEnds = Number.POSITIVE_INFINITY;

  constructor(context: Context) {
    this.#context = context;
    this.#patience = context.config.analyzer.patience_seconds;
    this.#lookAtUrgent = urgentLooks(context);
  }

  /**
   * Analyses what has waited for long enough and is due.
   * @param youngest seconds; younger work is left alone
   * @throws the first error, after all domains had their turn
   */
  async sweep(youngest: number, turned?: () => void): Promise<void> {
    const waiting = await waitingDomains(this.#context.db, SWEEP_DOMAINS);
    await this.analyze(
      waiting.filter((one) => one.seconds >= youngest),
      this.#context.log,
      turned,
    );
  }

  /**
   * Analyses those that are due, and comes back for the others.
   * @throws the first error, after all domains had their turn
   */
  async analyze(waiting: readonly WaitingDomain[], log: Log, turned: () => void = () => undefined): Promise<void> {
    if (waiting.length === 0) return;
    const backlog = await backlogExists(this.#context.db);
    let failure: unknown;
    let later = 0;
    for (const one of waiting) {
      if (this.#stopping.signal.aborted) return;
      if (one.later && ++later > LATER_AT_ONCE) {
        this.#lookLater(0);
        break;
      }
      try {
        await this.#analyzeOne(one, backlog, log);
        turned();
      } catch (error) {
        log.warn(
          { domain: one.domain, err: messageOf(error), retry: isTransient(error) },
          'the analysis of a domain failed; its work stays queued',
        );
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
  }

  /** Lets the domain that is worked on reach its next safe point; takes no other, and does not come back. */
  stop(): void {
    this.#stopping.abort();
    clearTimeout(this.#lookAgain);
  }

  /** Resolves when the last look is over. */
  async ended(): Promise<void> {
    await this.#looking;
  }

  async #analyzeOne({ domain, seconds }: WaitingDomain, backlog: boolean, log: Log): Promise<void> {
    if (backlog && seconds < this.#patience) {
      this.#lookLater(this.#patience - seconds);
      await this.#lookAtUrgent(domain);
      return;
    }
    const { outcome, sources, events } = await analyzeDomain(this.#context, domain, this.#stopping.signal, TURN_MS);
    // What is left when its turn is over comes again with all others that wait.
    if (outcome === 'busy' || outcome === 'more') this.#lookLater(0);
    if (outcome !== 'idle' && outcome !== 'busy') log.info({ domain, sources, events: events.length }, 'domain analysed');
  }

  /**
   * Comes back for work that was not due: at the end of the backlog, or of its patience. One look at a time.
   */
  #lookLater(seconds: number): void {
    this.#patienceEnds = Math.min(this.#patienceEnds, performance.now() + seconds * 1000);
    if (this.#lookAgain || this.#stopping.signal.aborted) return;
    this.#lookAgain = setTimeout(() => {
      this.#lookAgain = undefined;
      this.#looking = this.#look().catch((error: unknown) =>
        this.#context.log.warn({ err: messageOf(error) }, 'looking for waiting domains failed; the sweeper retries'),
      );
    }, LOOK_AGAIN_MS);
    this.#lookAgain.unref();
  }

  async #look(): Promise<void> {
    if (performance.now() < this.#patienceEnds && (await backlogExists(this.#context.db))) {
      this.#lookLater(this.#patience);
      return;
    }
    this.#patienceEnds = Number.POSITIVE_INFINITY;
    await this.sweep(0);
  }
}

/** A critical alarm does not wait for a backlog to end. Each domain is looked at now and then. */
function urgentLooks(context: Context): (domain: string) => Promise<void> {
  const lookedAt = new Map<string, number>();
  return async (domain) => {
    const now = performance.now();
    if (now - (lookedAt.get(domain) ?? Number.NEGATIVE_INFINITY) < URGENT_IN_BACKLOG_MS) return;
    if (lookedAt.size > SWEEP_DOMAINS) lookedAt.clear();
    lookedAt.set(domain, now);
    const events = await alarmUrgent(context, domain);
    if (events.length === 0) return;
    context.log.info({ domain, events: events.length }, 'opened a critical finding ahead of the remaining work');
  };
}
