import { DAY_MS } from '../../shared/days.ts';
import type { Context } from '../../shared/runtime/service.ts';
import { dropOldest, measureArchive } from '../../store/messages/archive.ts';

const GB = 1e9;
/** Mails in one transaction: a fraction of a second. */
const AT_ONCE = 200;
/** The share of the total above which a warning is logged. */
export const WARN_SHARE = 0.8;

/**
 * Keeps the archive of raw mails within `retention.raw_total_gb`. Mails without a report are deleted after
 * `retention.ignored_days`. While the archive is over its total, ignored mails are deleted, then quarantined
 * ones, the oldest first. Mails from which reports were read are never deleted because of the total.
 */
export async function keepArchive(
  { config, db, clock, log, metrics }: Pick<Context, 'config' | 'db' | 'clock' | 'log' | 'metrics'>,
  signal?: AbortSignal,
): Promise<void> {
  const { ignored_days: days, raw_total_gb: gb } = config.retention;
  const drop = async (state: 'ignored' | 'quarantined', before: Date | null, most: number): Promise<number> => {
    const sum = { mails: 0, bytes: 0 };
    while (sum.bytes < most && !signal?.aborted) {
      const dropped = await dropOldest(db, state, { before, limit: AT_ONCE, most: most - sum.bytes });
      if (dropped.mails === 0) break;
      sum.mails += dropped.mails;
      sum.bytes += dropped.bytes;
    }
    if (sum.mails > 0) {
      const [setting, why] =
        before === null ? ['raw_total_gb', 'the archive was over its total'] : ['ignored_days', 'their retention time was over'];
      log.info({ setting: `retention.${setting}`, state, ...sum }, `raw mails were deleted because ${why}`);
    }
    return sum.bytes;
  };

  if (days !== null) await drop('ignored', new Date(clock.now().getTime() - days * DAY_MS), Number.POSITIVE_INFINITY);
  let size = await measureArchive(db);
  const total = gb === null ? Number.POSITIVE_INFINITY : gb * GB;
  for (const state of ['ignored', 'quarantined'] as const) if (size > total) size -= await drop(state, null, size - total);
  metrics.rawBytes.set(size);
  if (gb === null) metrics.rawTotalBytes.remove();
  else metrics.rawTotalBytes.set(total);
  if (size <= total * WARN_SHARE) return;
  const shown = { setting: 'retention.raw_total_gb', gigabytes: Number((size / GB).toFixed(2)), of: gb };
  if (size > total)
    log.warn(
      shown,
      'the archive of raw mails is over its total; only mails from which reports were read are left, and these are kept: raise the total, or shorten retention.raw_days',
    );
  else
    log.warn(
      shown,
      'the archive of raw mails is above 80% of its total; above the total, ignored mails are deleted, then quarantined ones: raise the total, or shorten retention.raw_days',
    );
}
