import { counted } from '../shared/format.ts';
import type { Db } from '../shared/runtime/db.ts';
import type { Config } from '../shared/settings/config.ts';
import { openIds } from '../store/sending/joining.ts';
import { logSources, unparsedLines } from '../store/sending/sources.ts';
import { certificateOf } from './certificate.ts';

const SILENT_MS = 3_600_000;

/**
 * The state of the collector, for `doctor`: its certificate, sources, those that fell silent, and what cannot
 * be read.
 * @returns one sentence; `warn`: somebody should look
 * @throws SettingsError when a file cannot be used
 */
export async function checkCollector(
  db: Db,
  { collector }: Pick<Config, 'collector'>,
  now: Date,
): Promise<{ text: string; warn: boolean }> {
  if (collector.tls !== null) certificateOf(collector.tls);
  const sources = await logSources(db);
  if (sources.length === 0)
    return { text: 'no source may deliver lines: "ruawatch logs sources add NAME" makes one', warn: true };
  const silent = sources.filter(
    ({ token_sha256, last_seen_at }) => token_sha256 !== null && now.getTime() - (last_seen_at?.getTime() ?? 0) > SILENT_MS,
  );
  const { count, oldest } = await openIds(db);
  const late = oldest !== null && now.getTime() - oldest.getTime() > (collector.window_seconds + 600) * 1000;
  const unread = await unparsedLines(db, new Date(now.getTime() - 86_400_000));
  const parts = [
    counted(sources.length, 'source'),
    silent.length === 0 ? null : `no line for an hour from ${silent.map(({ name }) => name).join(', ')}`,
    late ? `${counted(count, 'queue id')} wait to be judged since ${oldest.toISOString()}: start the collector` : null,
    unread.lines === 0
      ? null
      : `${counted(unread.lines, 'line')} of ${unread.programs.join(', ')} were not known since yesterday`,
  ];
  return { text: parts.filter((part) => part !== null).join('; '), warn: silent.length > 0 || late };
}
