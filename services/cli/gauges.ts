import { messageOf } from '../shared/errors.ts';
import type { Context } from '../shared/runtime/service.ts';
import { refusedAlerts } from '../store/alerts/refusals.ts';
import { gaugesOf } from '../store/gauges.ts';
import { VERIFIED_DAYS, verifiedShare } from '../store/reports/verified-share.ts';

/** How old the numbers of /metrics may be: a scrape must not cost the database much. */
const FRESH_MS = 30_000;
const DAY_MS = 86_400_000;

/**
 * Brings the gauges about the whole installation up to date, at most twice a minute. What a database role may
 * not read, or an outage hides, keeps its last value.
 */
export function measurer({ db, queues, metrics, log, clock }: Context): () => Promise<void> {
  let at = Number.NEGATIVE_INFINITY;
  const gauges = gaugesOf(db);
  const tasks: (() => Promise<void>)[] = [
    async () => {
      const { mails, oldest } = await gauges.waiting();
      metrics.waitingMails.set(mails);
      metrics.oldestWaiting.set(oldest);
    },
    async () => metrics.outboxWaiting.set(await gauges.outbox()),
    async () => {
      const { findings, digests } = await refusedAlerts(db);
      metrics.alertsRefused.set(findings + digests);
    },
    async () => {
      const open = await gauges.findings();
      metrics.openFindings.reset();
      for (const severity of ['critical', 'high', 'medium', 'low', 'info'])
        metrics.openFindings.set({ severity }, open.find((one) => one.severity === severity)?.n ?? 0);
    },
    async () => {
      const last = await gauges.lastReports();
      metrics.lastReport.reset();
      for (const { domain, reporter, at: seconds } of last) metrics.lastReport.set({ domain, reporter }, seconds);
    },
    async () => {
      const { states, oldest, decided } = await gauges.held();
      for (const state of ['held', 'releasing', 'released', 'rejected', 'deleted', 'expired', 'lost'])
        metrics.heldMails.set({ state }, states.find((one) => one.state === state)?.mails ?? 0);
      metrics.heldOldest.set(oldest);
      metrics.heldDecided.reset();
      if (decided === null) return;
      metrics.heldDecided.set({ quantile: '0.5' }, decided.median);
      metrics.heldDecided.set({ quantile: '0.95' }, decided.most);
    },
    async () => {
      const { reports, unverified } = await verifiedShare(db, new Date(clock.now().getTime() - VERIFIED_DAYS * DAY_MS));
      metrics.unverifiedShare.set(reports === 0 ? 0 : unverified / reports);
    },
    async () => {
      for (const [queue, counts] of Object.entries(await queues.counts()))
        for (const [state, n] of Object.entries(counts)) metrics.queueJobs.set({ queue, state }, n);
    },
  ];
  return async () => {
    if (performance.now() - at < FRESH_MS) return;
    at = performance.now();
    for (const end of await Promise.allSettled(tasks.map((task) => task())))
      if (end.status === 'rejected') log.debug({ err: messageOf(end.reason) }, 'a gauge could not be measured');
  };
}
