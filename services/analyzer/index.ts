import { ownDomains } from '../report/hostname.ts';
import { addDays, dayOf } from '../shared/days.ts';
import { messageOf } from '../shared/errors.ts';
import { type Context, repeat, type Service, sweepMs } from '../shared/runtime/service.ts';
import { waitingAmong } from '../store/analysis/work.ts';
import { listHistory, putOwn } from '../store/domains/domains.ts';
import { endExpired } from '../store/sources/sender-list.ts';
import { DueWork } from './due.ts';
import { postureWatch } from './posture.ts';
import { readingWatch } from './reading.ts';
import type { Catalogue } from './senders/catalogue.ts';
import { catalogueOf, domainsOf } from './senders/load.ts';
import { silenceWatch } from './silences.ts';
import { UnjudgedWatch } from './unjudged.ts';

export type { Catalogue } from './senders/catalogue.ts';
export { catalogueOf, domainsOf } from './senders/load.ts';

const NAME = 'analyzer';
/** Younger work is left to the job that was added with it. */
const SETTLE_SECONDS = 3;

/**
 * Analyses the domains whose rollups changed. A job in the queue `analyze` triggers it; a sweeper finds work
 * whose job was lost. due.ts says when work is due.
 */
export function startAnalyzer(context: Context): Service {
  const { config, db, queues, log } = context;
  // An invalid senders_file fails now, not at the first finding.
  const bringUpToDate = upkeep(context, catalogueOf(config));
  const due = new DueWork(context);
  const silences = silenceWatch(context);
  const reading = readingWatch(context);
  const postures = postureWatch(context);
  const unjudged = new UnjudgedWatch(context);
  let trouble: string | null = null;

  const worker = queues.work('analyze', async ({ domains }, jobLog) => due.analyze(await waitingAmong(db, domains), jobLog), {
    async onDead({ domains }, error) {
      log.error({ domains, err: messageOf(error) }, 'domains could not be analysed; the sweeper retries them');
    },
  });

  const sweep = async (_: AbortSignal, turned: () => void) => {
    try {
      await bringUpToDate();
      await unjudged.look();
      await silences.look();
      await reading.look();
      await postures.look();
      await due.sweep(Math.min(SETTLE_SECONDS, config.sweep.after_seconds), turned);
      trouble = null;
    } catch (error) {
      trouble = `The analyzer cannot finish its work: ${messageOf(error)}`;
      throw error;
    }
  };
  const sweeper = repeat(sweepMs(config), sweep, log, 'the sweep of the analyzer');

  let stopped: Promise<void> | undefined;
  return {
    name: NAME,
    waitingFor: () => trouble,
    stuck: sweeper.stuck,
    stop() {
      stopped ??= (async () => {
        due.stop();
        await Promise.all([worker.drain(), sweeper.stop()]);
        await due.ended();
      })();
      return stopped;
    },
  };
}

/**
 * What changes without a report: entries of the sender list expire, and domains become own, those of the
 * settings once in each process.
 */
function upkeep({ config, db, log, clock }: Context, catalogue: Catalogue): () => Promise<void> {
  let listed = false;
  return async () => {
    const ended = await endExpired(db, (service) => domainsOf(catalogue, service), clock.now());
    if (ended.length > 0) log.info({ entries: ended.map((e) => e.entry_key) }, 'entries of the sender list have expired');
    if (!listed) {
      const fresh = await putOwn(db, ownDomains(config.domains).names, 'listed', { now: clock.now(), ignored: true });
      if (fresh.length > 0) log.info({ domains: fresh }, 'domains from the settings are now own domains');
      listed = true;
    }
    const fresh = await listHistory(db, addDays(dayOf(clock.now()), -config.analyzer.window_days));
    if (fresh.length > 0) log.info({ domains: fresh }, 'queued the stored reports on domains that have become own');
  };
}
