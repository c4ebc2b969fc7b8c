import type { Db, Tx } from '../../shared/runtime/db.ts';
import { readingByKey, recordsOf } from '../schema/partitions.ts';
import { sinceDay } from './since-day.ts';

/**
 * A signature or an SPF check in failing mail of a source: one that did not pass, or that passed without
 * alignment.
 */
export interface FailedCheck {
  source: string;
  mechanism: 'dkim' | 'spf';
  /** `d=` of the signature, or the domain of the SPF check. */
  domain: string;
  selector: string | null;
  passed: boolean;
  messages: number;
  /** All failing messages of the source. */
  of: number;
  /**
   * Of a signature: hardly any mail of any source verifies with its key since; null where the rollup does not
   * say.
   */
  dead: boolean | null;
}

/** A key that verifies for less than this part of the mail that bears it fails everywhere. */
const DEAD = 0.1;

/** The number of checks listed, those of the most messages first. */
const CHECKS = 1000;

/**
 * Loads the checks in the failing mail of broken sources, for a week from the first day of failure of each:
 * what did not pass shows where to look in DNS, and what passed that alignment is the matter.
 * @param broken source and first day (YYYY-MM-DD); of one whose mail still passes, its passing mail counts
 *   too
 * @param reporters the deciding reporters, whose records are read
 */
export async function loadFailedChecks(
  tx: Tx,
  domain: string,
  broken: readonly { source: string; since: string; mechanism: string; survives_on?: string | undefined }[],
  reporters: readonly string[],
): Promise<FailedCheck[]> {
  if (broken.length === 0) return [];
  const first = broken.map(({ since }) => since).sort();
  const { rows } = await tx.query<FailedCheck>(
    `with failing as materialized (
       select r.source, r.count, r.auth
         from jsonb_to_recordset($2::jsonb) as g(source text, since date, mechanism text, survives_on text)
         join ruawatch.records r on r.source = g.source
          and not (case when g.survives_on is null then r.dkim_aligned or r.spf_aligned
                        when g.mechanism = 'dkim' then r.dkim_aligned else r.spf_aligned end)
          and r.begin_at >= g.since::timestamp at time zone 'UTC' and r.begin_at < (g.since + 7)::timestamp at time zone 'UTC'
         join ruawatch.reports p on p.report_key = r.report_key
        where r.begin_at >= $3::timestamp at time zone 'UTC' and r.begin_at < ($4::date + 7)::timestamp at time zone 'UTC'
          and p.domain = $1 and p.superseded_by is null and p.trust = 'ok' and p.reporter = any($5::text[])),
     checks as (
       select f.source, c.mechanism, c.domain, c.selector, c.passed, sum(f.count) as messages
         from failing f
        cross join lateral (
          select 'dkim' as mechanism, lower(d ->> 'domain') as domain, d ->> 'selector' as selector,
                 d ->> 'result' is not distinct from 'pass' as passed
            from jsonb_array_elements(f.auth -> 'dkim') d
           union all
          select 'spf', lower(s ->> 'domain'), null, s ->> 'result' is not distinct from 'pass'
            from jsonb_array_elements(f.auth -> 'spf') s) c
        where c.domain is not null and (c.passed or c.mechanism = 'spf' or c.selector is not null)
        group by 1, 2, 3, 4, 5
        order by messages desc, source, mechanism, domain, selector, passed
        limit ${CHECKS}),
     sums as (select source, sum(count) as of from failing group by 1),
     keys as (
       select signing_domain as domain, selector, sum(passed) < ${DEAD} * sum(messages) as dead
         from ruawatch.selector_days
        where domain = $1 and day >= $4::date and messages > 0 and trust = 'ok' and reporter = any($5::text[])
          and selector in (select lower(selector) from checks where mechanism = 'dkim')
        group by 1, 2)
     select c.*, s.of, k.dead
       from checks c
       join sums s using (source)
       left join keys k on c.mechanism = 'dkim' and k.domain = c.domain and k.selector = lower(c.selector)
      order by c.messages desc, c.source, c.mechanism, c.domain, c.selector, c.passed`,
    [
      domain,
      JSON.stringify(broken.map(({ source, since, mechanism, survives_on }) => ({ source, since, mechanism, survives_on }))),
      first[0],
      first.at(-1),
      reporters,
    ],
  );
  return rows;
}

/** Reports and signatures that are searched for selectors at most: the newest, in a fixed order. */
const SELECTOR_REPORTS = 200;
const SELECTOR_RECORDS = 50_000;

/**
 * SQL: the messages of each source by the selector of their aligned signature, for the domain $1 since the
 * day $2, from reports of the reporters $3.
 */
const BY_SELECTOR = `told as materialized (
       select report_key, begin_at from ruawatch.reports
        where ${sinceDay('$1', '$2')} and superseded_by is null and trust = 'ok'
          and reporter = any($3::text[])
        order by begin_at desc, identity limit ${SELECTOR_REPORTS}),
     signed as materialized (
       select c.source, c.source_ip, c.count, lower((d ->> 'selector') || '._domainkey.' || (d ->> 'domain')) as selector
         from told p
        cross join lateral (${recordsOf('p', "$2::date::timestamp at time zone 'UTC'", "'infinity'", 'source, source_ip, count, auth, dkim_aligned')}) c
        cross join lateral jsonb_array_elements(c.auth -> 'dkim') d
        where c.dkim_aligned and d ->> 'result' = 'pass' and d ->> 'selector' is not null
          and (d ->> 'domain' = $1 or right(d ->> 'domain', length($1) + 1) = '.' || $1 or right($1, length(d ->> 'domain') + 1) = '.' || (d ->> 'domain'))
        limit ${SELECTOR_RECORDS}),
     by_selector as materialized (select source, selector, sum(count) as messages from signed group by 1, 2)`;

/**
 * For each source, the part of its mail signed as the domain since `from` whose selector (with the domain of
 * its key) older sources use too. Forwarded mail has the signature of its author; a sender with its own key
 * signs with its own selector. Sources without a reported selector are left out.
 * @param reporters the deciding reporters, whose reports are read, also for the first day of each source
 */
export async function loadBorrowed(
  tx: Tx,
  domain: string,
  sources: readonly string[],
  { from, reporters }: { from: string; reporters: readonly string[] },
): Promise<Map<string, number>> {
  if (sources.length === 0 || reporters.length === 0) return new Map();
  const { rows } = await tx.query<{ source: string; signed: number; borrowed: number }>(
    `with ${BY_SELECTOR},
     seen as materialized (
       select s.source, f.day as first_seen
         from (select distinct source from by_selector) s
        cross join lateral (
          select d.day from ruawatch.source_days d
           where d.domain = $1 and d.source = s.source and d.messages > 0 and d.trust = 'ok' and d.reporter = any($3::text[])
           order by d.day limit 1) f)
     select b.source, sum(b.messages) as signed,
            coalesce(sum(b.messages) filter (where exists (
              select from by_selector o join seen s on s.source = o.source
               where o.selector = b.selector and s.first_seen < me.first_seen)), 0) as borrowed
       from by_selector b join seen me on me.source = b.source
      where b.source = any($4::text[])
      group by 1`,
    [domain, from, reporters, sources],
  );
  return new Map(rows.map((row) => [row.source, row.borrowed / row.signed]));
}

/** The author's mail with a selector is at least this many times the mail of anybody who forwards it. */
const AUTHOR_SIGNS = 5;

/**
 * Whose keys a source signs with as the domain: parts of its signed mail, 0 to 1, with a sum of at most 1.
 */
export interface Keys {
  /** With selectors that it uses as much as all other sources together, or more. */
  own: number;
  /** With selectors that one other source uses AUTHOR_SIGNS times as much, or more. */
  another: number;
}

/**
 * Loads whose keys the sources of a domain sign with as the domain since `from`, by the selectors in the
 * newest reports. Forwarded mail has the signature of its author, from whom much more mail with the same
 * selector comes. When SPF sometimes fails for a service, that mail belongs to another source, its network:
 * mail from one network with one selector counts as the largest source of it. Sources without a reported
 * selector are left out.
 * @param from YYYY-MM-DD
 * @param reporters whose reports are read: those who decide
 */
export async function loadKeys(tx: Tx, domain: string, from: string, reporters: readonly string[]): Promise<Map<string, Keys>> {
  if (reporters.length === 0) return new Map();
  const read = () =>
    tx.query<{ source: string; signed: number; own: number; another: number }>(
      `with ${BY_SELECTOR},
     of_all as (
       select *, sum(messages) over (partition by selector) as together, max(messages) over (partition by selector) as most from by_selector),
     from_network as (
       select source, selector, sum(count) as messages,
              network(set_masklen(source_ip, case family(source_ip) when 4 then 24 else 48 end)) as network
         from signed group by 1, 2, 4),
     sender as (
       select n.source, n.messages, a.together, a.most, max(a.messages) over (partition by n.network, n.selector) as largest
         from from_network n join of_all a using (source, selector))
     select source, sum(messages) as signed, coalesce(sum(messages) filter (where 2 * largest >= together), 0) as own,
            coalesce(sum(messages) filter (where most >= ${AUTHOR_SIGNS} * largest), 0) as another
       from sender group by 1`,
      [domain, from, reporters],
    );
  const { rows } = await readingByKey(tx, read);
  return new Map(rows.map(({ source, signed, own, another }) => [source, { own: own / signed, another: another / signed }]));
}

/** A selector of signatures as a domain, from reports. */
export interface SeenSelector {
  selector: string;
  /** Messages whose signature passed, and whose signature failed. */
  passed: number;
  failed: number;
  /** The report day (YYYY-MM-DD) of the last passing message. */
  last_passed: string;
  /** The sources of passing messages, the largest first. */
  sources: string[];
}

const SELECTORS = 25;

/**
 * Loads the selectors of a domain's own signatures in the newest trusted reports since a day, those with the
 * most passing messages first. A selector that never passed is left out: a forger may have invented it.
 * @param from YYYY-MM-DD
 */
export async function loadSelectors(db: Db, domain: string, from: string): Promise<SeenSelector[]> {
  const { rows } = await db.query<SeenSelector>(
    `with told as materialized (
       select report_key, begin_at from ruawatch.reports
        where begin_at >= $2::date::timestamp at time zone 'UTC' and superseded_by is null and trust = 'ok'
          and (domain = $1 or right($1, length(domain) + 1) = '.' || domain)
        order by begin_at desc, identity limit ${SELECTOR_REPORTS}),
     signed as materialized (
       select c.source, c.count, p.begin_at, lower(d ->> 'selector') as selector, coalesce(d ->> 'result' = 'pass', false) as passed
         from told p
        cross join lateral (${recordsOf('p', "$2::date::timestamp at time zone 'UTC'", "'infinity'", 'source, count, auth')}) c
        cross join lateral jsonb_array_elements(c.auth -> 'dkim') d
        where lower(d ->> 'domain') = $1 and d ->> 'selector' ~ '^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$'
        limit ${SELECTOR_RECORDS})
     select selector, coalesce(sum(count) filter (where passed), 0) as passed, coalesce(sum(count) filter (where not passed), 0) as failed,
            to_char(max(begin_at at time zone 'UTC') filter (where passed), 'YYYY-MM-DD') as last_passed,
            coalesce((select array_agg(source order by messages desc, source)
                        from (select source, sum(count) as messages from signed o
                               where o.selector = s.selector and o.passed group by 1 order by 2 desc, 1 limit 3) n), '{}') as sources
       from signed s
      group by selector
     having bool_or(passed)
      order by passed desc, failed desc, selector
      limit ${SELECTORS}`,
    [domain, from],
  );
  return rows;
}
