import { addDays } from '../../shared/days.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import { recordsOf } from '../schema/partitions.ts';
import type { EgressDay } from './judged.ts';

/**
 * Pairs of address and day that are compared, those with the most reported messages, and messages that make
 * one worth it.
 */
const MOST = 50;
const LEAST = 20;
/** Reported messages up to so many times those of the daily sums need no closer look. */
const TIMES = 2;
/** Days before the compared ones that show how long a source is usually silent. */
const HABIT_DAYS = 7;
/** Hours without a message that are no gap whatever is usual, and that always are one. */
const SHORT_GAP = 2;
const LONG_GAP = 8;

interface Reported {
  address: string;
  day: string;
  reported: number;
  passed: number;
  network: string;
  source_ids: number[];
  log_sources: string[];
}

/**
 * Loads what reports count from the addresses of own networks, with what the logs of these networks show on
 * the same day and its neighbours: a report's day need not be the logs' day.
 * @param given.names those that the logs show mail of
 * @param given.reporters those of whom each may decide alone
 * @param given.from,to days whose neighbours are over, YYYY-MM-DD
 */
export async function loadEgressDays(
  tx: Tx,
  domain: string,
  given: { names: readonly string[]; reporters: readonly string[]; from: string; to: string },
): Promise<EgressDay[]> {
  if (given.reporters.length === 0) return [];
  const found: EgressDay[] = [];
  for (const one of await loadReported(tx, domain, given)) {
    const { source_ids, ...shown } = one;
    const summed = await loggedInSums(tx, given.names, one);
    if (one.reported <= TIMES * summed) found.push({ ...shown, logged: summed, complete: true });
    else found.push({ ...shown, logged: await loggedOf(tx, domain, one), complete: await isComplete(tx, one) });
  }
  return found;
}

async function loadReported(
  tx: Tx,
  domain: string,
  { reporters, from, to }: { reporters: readonly string[]; from: string; to: string },
): Promise<Reported[]> {
  const { rows: networks } = await tx.query('select from ruawatch.log_sources where cardinality(egress) > 0 limit 1');
  if (networks.length === 0) return [];
  const [begin, end] = ["$3::date::timestamp at time zone 'UTC'", "($4::date + 1)::timestamp at time zone 'UTC'"];
  const columns = 'source_ip, count, dkim_aligned, spf_aligned';
  const { rows } = await tx.query<Reported>(
    `with reported as materialized (
       select r.source_ip, (p.begin_at at time zone 'UTC')::date as day, sum(r.count)::bigint as reported,
              coalesce(sum(r.count) filter (where r.dkim_aligned or r.spf_aligned), 0)::bigint as passed
         from ruawatch.reports p
        cross join lateral (${recordsOf('p', begin, end, columns)}) r
        where p.domain = $1 and p.reporter = any($2::text[]) and p.begin_at >= ${begin} and p.begin_at < ${end}
          and p.trust = 'ok' and p.superseded_by is null
          and exists (select from ruawatch.log_sources l where r.source_ip <<= any (l.egress))
        group by 1, 2 having sum(r.count) >= ${LEAST}
        order by 3 desc limit ${MOST})
     select host(a.source_ip) as address, a.day, a.reported, a.passed, s.network, s.source_ids, s.log_sources
       from reported a
      cross join lateral (
        select text(max(n)) as network, array_agg(distinct l.source_id) as source_ids, array_agg(distinct l.name) as log_sources
          from ruawatch.log_sources l cross join lateral unnest(l.egress) n where a.source_ip <<= n) s
      order by 1, 2`,
    [domain, reporters, from, to],
  );
  return rows;
}

/**
 * Deliveries as the domain in the daily sums of the sources' clusters and environments: no fewer than theirs.
 */
async function loggedInSums(tx: Tx, names: readonly string[], { source_ids, day }: Reported): Promise<number> {
  const { rows } = await tx.query<{ logged: number }>(
    `select coalesce(sum(r.sent), 0)::bigint as logged
       from ruawatch.sending_day_recipients r
      where r.domain = any($1::text[]) and r.day between $2::date - 1 and $2::date + 1
        and (r.cluster, r.environment) in (select cluster, environment from ruawatch.log_sources where source_id = any($3))`,
    [names, day, source_ids],
  );
  return rows[0]!.logged;
}

/**
 * Deliveries to the outside as the domain, or as one that no log names, that the sources themselves logged.
 */
async function loggedOf(tx: Tx, domain: string, { source_ids, day }: Reported): Promise<number> {
  const { rows } = await tx.query<{ logged: number }>(
    `select coalesce(sum(jsonb_array_length(m.recipients)), 0)::bigint as logged
       from ruawatch.sent_messages m
      where m.source_id = any($3) and m.direction = 'out' and m.leads_to is null
        and m.started_at >= ($2::date - 1)::timestamp at time zone 'UTC' and m.started_at < ($2::date + 2)::timestamp at time zone 'UTC'
        and (m.header_domain is null or m.header_domain = $1 or right(m.header_domain, length($1) + 1) = '.' || $1)`,
    [domain, day, source_ids],
  );
  return rows[0]!.logged;
}

async function isComplete(tx: Tx, { source_ids, day }: Reported): Promise<boolean> {
  for (const source of source_ids) {
    const { rows } = await tx.query<{ logs: boolean }>(
      `select exists (select from ruawatch.sent_messages m
                       where m.source_id = $1 and m.started_at >= h and m.started_at < h + interval '1 hour') as logs
         from generate_series($2::timestamptz, $3::timestamptz - interval '1 hour', interval '1 hour') h order by h`,
      [source, `${addDays(day, -1 - HABIT_DAYS)} 00:00+00`, `${addDays(day, 2)} 00:00+00`],
    );
    if (!isWithoutGap(rows.map(({ logs }) => logs))) return false;
  }
  return true;
}

/**
 * Whether the last three days of a source's hours have no gap that is longer than what was usual before.
 * @param hours whether it logged anything, hour by hour, the three days that are judged last
 */
export function isWithoutGap(hours: readonly boolean[]): boolean {
  const judged = 3 * 24;
  const before = hours.slice(0, -judged);
  if (!before.includes(true)) return false;
  const usual = longestRun(before.slice(before.indexOf(true)));
  return longestRun(hours.slice(-judged)) <= Math.min(LONG_GAP, Math.max(SHORT_GAP, usual));
}

function longestRun(hours: readonly boolean[]): number {
  let [run, longest] = [0, 0];
  for (const logs of hours) {
    run = logs ? 0 : run + 1;
    longest = Math.max(longest, run);
  }
  return longest;
}
