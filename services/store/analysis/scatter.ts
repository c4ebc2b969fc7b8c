import type { Tx } from '../../shared/runtime/db.ts';
import type { CountedDays } from './window-reads.ts';

/** From where a source sends that fails, and whether the domain's own mail comes from there as well. */
export interface Scatter {
  /** Networks: IPv4 /24, IPv6 /48. */
  networks: number;
  /** Messages from the largest of them. */
  most: number;
  /** How many of them send mail that passes, too. */
  shared: number;
}

/** Failing records that are read at most: more than that is no snowshoe's, and says enough. */
const RECORDS = 50_000;

/**
 * Loads how far the failing mail of some sources is scattered. A forger who signs with a domain of his own
 * sends a little from each of many rented networks (snowshoe); a service that is not set up has few, or sends
 * much.
 * @param sources signing or envelope domains of others
 */
export async function loadScatter(
  tx: Tx,
  domain: string,
  sources: readonly string[],
  { from, to, counted: { reporters } }: CountedDays,
): Promise<Map<string, Scatter>> {
  if (sources.length === 0 || reporters.length === 0) return new Map();
  const { rows } = await tx.query<Scatter & { source: string }>(
    `with failing as materialized (
       select r.source, r.source_ip, r.count
         from ruawatch.records r join ruawatch.reports p on p.report_key = r.report_key
        where r.source = any($2::text[]) and not (r.dkim_aligned or r.spf_aligned) and r.source_ip is not null
          and r.begin_at >= $3::date::timestamp at time zone 'UTC' and r.begin_at < ($4::date + 1)::timestamp at time zone 'UTC'
          and p.domain = $1 and p.superseded_by is null and p.trust = 'ok' and p.reporter = any($5::text[])
        order by r.begin_at desc limit ${RECORDS}),
     networks as (
       select source, network(set_masklen(source_ip, case family(source_ip) when 4 then 24 else 48 end)) as network, sum(count) as messages
         from failing group by 1, 2)
     select n.source, count(*)::int as networks, max(n.messages)::bigint as most,
            count(*) filter (where exists (
              select from ruawatch.sources s where s.domain = $1 and s.source = n.network::text and s.passed > 0))::int as shared
       from networks n group by 1`,
    [domain, sources, from, to, reporters],
  );
  return new Map(rows.map(({ source, ...scatter }) => [source, scatter]));
}
