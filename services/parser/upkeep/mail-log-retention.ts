import { DAY_MS } from '../../shared/days.ts';
import type { Context } from '../../shared/runtime/service.ts';
import { forgetLogs } from '../../store/sending/retention.ts';

/**
 * Deletes lines, messages and daily totals of mail logs, each past its own time.
 * @param turned called after each portion
 */
export async function forgetMailLogs(
  { config, db, clock, log }: Pick<Context, 'config' | 'db' | 'clock' | 'log'>,
  signal: AbortSignal,
  turned: () => void,
): Promise<void> {
  const before = (days: number) => new Date(clock.now().getTime() - days * DAY_MS);
  const { rollups_days } = config.retention;
  const limits = {
    lines: before(config.collector.keep_raw_days),
    messages: before(config.collector.keep_messages_days),
    days: rollups_days === null ? null : before(rollups_days),
  };
  let rows = 0;
  for (let more = true; more && !signal.aborted; turned()) {
    const gone = await forgetLogs(db, limits);
    rows += gone.deleted;
    more = gone.more;
  }
  if (rows > 0) log.info({ rows }, 'lines and messages of mail logs past their retention time were deleted');
}
