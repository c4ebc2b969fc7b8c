import { normalDomain } from '../../report/orgdomain.ts';
import { PermanentError } from '../../shared/errors.ts';
import { jsonText } from '../../shared/escape.ts';
import type { Config } from '../../shared/settings/config.ts';
import { type HistoryRow, loadHistory } from '../../store/dns/records.ts';
import { withDatabase } from '../open.ts';
import { table } from '../terminal/table.ts';

/** Columns of a value before it is cut; --json has all of it. */
const VALUE_WIDTH = 80;

/**
 * `dns history`: the records of a domain as the watcher saw them.
 * @returns 0, also when nothing was seen
 * @throws PermanentError `usage`
 */
export async function runDnsHistory(
  config: Config,
  given: string,
  options: { json?: boolean },
  out: (line: string) => void,
): Promise<number> {
  const domain = normalDomain(given);
  if (!/^[a-z0-9._-]+$/.test(domain)) throw new PermanentError('usage', `"${given}" is not a domain.`);
  return withDatabase(config, async (db) => {
    const rows = await loadHistory(db, domain);
    if (options.json) return out(jsonText({ domain, records: rows }, 2));
    if (rows.length === 0)
      return out(`No record of ${domain} was seen yet: the watcher asks for the records of own domains (ruawatch domains list).`);
    const lines = table(['from', 'until', 'name', 'type', 'value', 'servers'], rows.map(lineOf), {
      widths: [16, 16, 60, 5, VALUE_WIDTH, 60],
    });
    for (const line of lines.split('\n')) out(line);
    for (const line of unanswered(rows)) out(line);
  });
}

function lineOf({ name, type, value, first_seen, gone_at, servers }: HistoryRow): string[] {
  return [minute(first_seen), gone_at === null ? '' : minute(gone_at), name, type, value, servers.join(' ')];
}

/** A line for each name that nobody answers for at the moment. */
function unanswered(rows: readonly HistoryRow[]): Set<string> {
  return new Set(
    rows.flatMap(({ name, type, unanswered_since: since, unanswered_why: why }) =>
      since === null ? [] : [`${name} (${type}) is not answered since ${minute(since)}: ${why ?? 'unknown'}`],
    ),
  );
}

/** 2026-11-27 00:36, in UTC. */
function minute(at: Date): string {
  return at.toISOString().slice(0, 16).replace('T', ' ');
}
