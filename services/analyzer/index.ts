import { ownDomains } from '../report/hostname.ts';
import { addDays, dayOf } from '../shared/days.ts';
import { isTransient, messageOf } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import { type Context, repeat, type Service } from '../shared/runtime/service.ts';
import { backlogExists, type WaitingDomain, waitingAmong, waitingDomains } from '../store/analysis/work.ts';
import { listHistory, putOwn } from '../store/domains/domains.ts';
import { endExpired } from '../store/sources/sender-list.ts';
import { alarmUrgent, analyzeDomain } from './analyze.ts';
import { catalogueOf, domainsOf } from './senders/load.ts';

export type { Catalogue } from './senders/catalogue.ts';
export { catalogueOf, domainsOf } from './senders/load.ts';

const NAME = 'analyzer';
/** Domains looked at in one sweep; the next goes on with the rest. */
const SWEEP_DOMAINS = 1000;
/**
 * Domains that only reporters without a say report on: this many are analysed before checking whether
 * anything else waits.
 */
const LATER_AT_ONCE = 25;
/** Younger work is left to the job that was added with it. */
const SETTLE_SECONDS = 3;
/** How long one domain is worked on while others wait. */
const TURN_MS = 10_000;
/** While a domain's work waits for the end of a backlog, how often its critical alarms are looked for. */
const URGENT_EVERY_MS = 5_000;
/** While work waits for a backlog to end, how often to look whether it did. */
const LOOK_AGAIN_MS = 1_000;

/**
 * Analyses the domains whose rollups changed. A job in the queue `analyze` triggers it; a sweeper finds work
 * whose job was lost.
 *
 * Work is due when no more mail is on its way in, so that the weeks of a first import are analysed as a whole
 * and not day by day; or when it has waited for `analyzer.patience_seconds`, so that a mailbox that never
 * runs empty does not postpone it forever.
 */
export function startAnalyzer(context: Context): Service {
  const { config, db, queues, log, clock } = context;
  // An invalid senders_file fails now, not at the first finding.
  const catalogue = catalogueOf(config);
  const stopping = new AbortController();
  let lookAgain: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  let patienceEnds = Number.POSITIVE_INFINITY;
  let listed = false;
  let trouble: string | null = null;

  const patience = config.analyzer.patience_seconds;

  /**
   * Comes back for work that was not due: at the end of the backlog, or of its patience. One look at a time.
   */
  const lookLater = (seconds: number) => {
    patienceEnds = Math.min(patienceEnds, performance.now() + seconds * 1000);
    if (lookAgain || stopping.signal.aborted) return;
    lookAgain = setTimeout(() => {
      lookAgain = undefined;
      looking = look().catch((error: unknown) =>
        log.warn({ err: messageOf(error) }, 'looking for waiting domains failed; the sweeper retries'),
      );
    }, LOOK_AGAIN_MS);
    lookAgain.unref();
  };

  const look = async () => {
    if (performance.now() < patienceEnds && (await backlogExists(db))) return lookLater(patience);
    patienceEnds = Number.POSITIVE_INFINITY;
    await sweep(0);
  };

  /** A critical alarm does not wait for a backlog to end. */
  const urgentAt = new Map<string, number>();
  const lookAtUrgent = async (domain: string) => {
    const now = performance.now();
    if (now - (urgentAt.get(domain) ?? Number.NEGATIVE_INFINITY) < URGENT_EVERY_MS) return;
    if (urgentAt.size > SWEEP_DOMAINS) urgentAt.clear();
    urgentAt.set(domain, now);
    const events = await alarmUrgent(context, domain);
    if (events.length > 0) log.info({ domain, events: events.length }, 'opened a critical finding ahead of the remaining work');
  };

  /**
   * Analyses those that are due, and comes back for the others.
   * @throws the first error, after all domains had their turn
   */
  const analyzeDue = async (waiting: readonly WaitingDomain[], backlog: boolean, turnLog: Log) => {
    let failure: unknown;
    let later = 0;
    for (const one of waiting) {
      if (stopping.signal.aborted) return;
      if (one.later && ++later > LATER_AT_ONCE) {
        lookLater(0);
        break;
      }
      try {
        if (backlog && one.seconds < patience) {
          lookLater(patience - one.seconds);
          await lookAtUrgent(one.domain);
          continue;
        }
        const { outcome, sources, events } = await analyzeDomain(context, one.domain, stopping.signal, TURN_MS);
        // What is left when its turn is over comes again with all others that wait.
        if (outcome === 'busy' || outcome === 'more') lookLater(0);
        if (outcome !== 'idle' && outcome !== 'busy')
          turnLog.info({ domain: one.domain, sources, events: events.length }, 'domain analysed');
      } catch (error) {
        turnLog.warn(
          { domain: one.domain, err: messageOf(error), retry: isTransient(error) },
          'the analysis of a domain failed; its work stays queued',
        );
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
  };

  const sweep = async (youngest: number) => {
    const waiting = await waitingDomains(db, SWEEP_DOMAINS);
    const ripe = waiting.filter((one) => one.seconds >= youngest);
    if (ripe.length > 0) await analyzeDue(ripe, await backlogExists(db), log);
  };

  const worker = queues.work(
    'analyze',
    async ({ domains }, jobLog) => {
      const waiting = await waitingAmong(db, domains);
      if (waiting.length > 0) await analyzeDue(waiting, await backlogExists(db), jobLog);
    },
    {
      async onDead({ domains }, error) {
        log.error({ domains, err: messageOf(error) }, 'domains could not be analysed; the sweeper retries them');
      },
    },
  );

  const sweeper = repeat(
    config.sweep.every_seconds * 1000,
    async () => {
      try {
        const ended = await endExpired(db, (service) => domainsOf(catalogue, service), clock.now());
        if (ended.length > 0) log.info({ entries: ended.map((e) => e.entry_key) }, 'entries of the sender list have expired');
        if (!listed) {
          const fresh = await putOwn(db, ownDomains(config.domains).names, 'listed', { now: clock.now(), ignored: true });
          if (fresh.length > 0) log.info({ domains: fresh }, 'domains from the settings are now own domains');
          listed = true;
        }
        const fresh = await listHistory(db, addDays(dayOf(clock.now()), -config.analyzer.window_days));
        if (fresh.length > 0) log.info({ domains: fresh }, 'queued the stored reports on domains that have become own');
        await sweep(SETTLE_SECONDS);
        trouble = null;
      } catch (error) {
        trouble = `The analyzer cannot finish its work: ${messageOf(error)}`;
        throw error;
      }
    },
    log,
    'the sweep of the analyzer',
  );

  let stopped: Promise<void> | undefined;
  return {
    name: NAME,
    waitingFor: () => trouble,
    stop() {
      stopped ??= (async () => {
        stopping.abort();
        clearTimeout(lookAgain);
        await Promise.all([worker.drain(), sweeper.stop()]);
        await looking;
      })();
      return stopped;
    },
  };
}
