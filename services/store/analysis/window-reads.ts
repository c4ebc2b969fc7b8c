import type { Tx } from '../../shared/runtime/db.ts';
import type { ClassChange } from '../rollups/class-days.ts';
import { type Counted, countedRows } from './counted.ts';

/** A row of ruawatch.source_days: the mail of one source on one UTC day, according to one reporter. */
export interface SourceDay {
  source: string;
  /** YYYY-MM-DD */
  day: string;
  reporter: string;
  messages: number;
  passed: number;
  dkim_aligned: number;
  spf_aligned: number;
  forwarded: number;
  failed_forwarded: number;
  failed_authenticated: number;
  failed_unauthenticated: number;
  failed_foreign_dkim: number;
  failed_foreign_spf: number;
  delivered: number;
  quarantined: number;
  rejected: number;
  failed_delivered: number;
  /**
   * With a signature of the domain's own that did not verify and no other that did; of failing mail alone.
   */
  dkim_broken: number;
  failed_signed: number;
  /** Failing, with the envelope of a mailing list or forwarder by its name. */
  failed_list: number;
  /** The domain's SPF record could not be evaluated. */
  spf_permerror: number;
  spf_temperror: number;
  signing_domain: string | null;
}

/** One UTC day on which the domain was reported on, over all sources. */
export interface DomainDay {
  day: string;
  messages: number;
  reporters: string[];
  /** Those of them that are known (analyzer/standing.ts). */
  known?: string[];
}

/** The mail of a source without any authentication on one day, over all reporters. */
export interface NetworkDay {
  day: string;
  passed: number;
  failed: number;
  /** Of the failed: those with a From address below the domain. */
  below: number;
  delivered: number;
  quarantined: number;
  rejected: number;
  reporters: string[];
}

export interface Network {
  source: string;
  days: NetworkDay[];
  /** Its mail in the window before these days. */
  before: { passed: number; failed: number; days: number };
}

/** The mail of a domain on one day, over all sources, according to one reporter. */
export interface ReporterDay {
  day: string;
  reporter: string;
  messages: number;
  /** Messages with an aligned signature, and with aligned SPF. */
  dkim_aligned: number;
  spf_aligned: number;
  /**
   * Unauthenticated messages of sources that send more of these than of passing ones, and the number of such
   * sources.
   */
  background: number;
  networks: number;
  /** The same for sources most of whose unauthenticated mail comes from below the domain. */
  background_below: number;
  networks_below: number;
  /** Messages for which the reporter's verdict contradicts its own results. */
  contradicted: number;
}

/** The sources of a domain with unauthenticated mail: the largest individually, the others as a sum. */
export interface Networks {
  largest: Network[];
  others: Rest;
  /** Of the others: those with most of their unauthenticated mail from below the domain. */
  others_below: Rest;
}

/** The networks that are not listed, without those that mostly pass. */
export interface Rest {
  networks: number;
  failed: number;
  /** Their unauthenticated mail by day, and what became of it. */
  days: RestDay[];
}

export type RestDay = Pick<NetworkDay, 'day' | 'failed' | 'delivered' | 'quarantined' | 'rejected'>;

/** Days, YYYY-MM-DD, both included, and the rows on them that count. */
export interface CountedDays {
  from: string;
  to: string;
  counted: Counted;
}

export interface PolicyDay {
  day: string;
  reporter: string;
  policy: string;
  reports: number;
}

/**
 * Counted since 0026: a report of before that is superseded takes out what it never brought in, so a sum may
 * be below 0.
 */
const MECHANISMS = ['dkim_broken', 'failed_signed', 'failed_list', 'spf_permerror', 'spf_temperror'] as const;

/**
 * Loads the rollup rows of sources from `from` to `to`, both included. Here and below, only trusted reports
 * of deciding reporters count: a report that is not proven, or from an unknown reporter, opens no finding,
 * resolves none, and moves no window.
 */
export async function loadSourceDays(
  tx: Tx,
  domain: string,
  sources: readonly string[],
  { from, to, counted }: CountedDays,
): Promise<SourceDay[]> {
  if (sources.length === 0) return [];
  const { cte, params } = countedRows(counted, 5);
  const { rows } = await tx.query<SourceDay>(
    `with ${cte}
     select source, day, reporter, messages, passed, dkim_aligned, spf_aligned, forwarded, failed_forwarded, failed_authenticated,
            failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered, quarantined, rejected, failed_delivered,
            ${MECHANISMS.map((name) => `greatest(${name}, 0) as ${name}`).join(', ')}, signing_domain
       from counted
      where domain = $1 and source = any($2::text[]) and day between $3 and $4 and messages > 0 and trust = 'ok'
      order by source, day, reporter`,
    [domain, sources, from, to, ...params],
  );
  return rows;
}

/** A source with fewer passing messages in the window is not tested. */
const TESTED = 20;

/** A source that was first seen within this many days before `to` is a newcomer. */
const NEWCOMER_DAYS = 30;

/**
 * Loads what each reporter saw on each day from `from` to `to`, the number of authenticated sources, and how
 * many of them are newcomers.
 */
export async function loadReporterDays(
  tx: Tx,
  domain: string,
  { from, to, counted }: CountedDays,
): Promise<{ reporterDays: ReporterDay[]; sources: number; newcomers: number }> {
  const { cte, params } = countedRows(counted, 4);
  const { rows } = await tx.query<ReporterDay & { sources: number; newcomers: number }>(
    `with ${cte},
     per_source as materialized (
       select source, sum(failed_unauthenticated) > sum(passed) as background, sum(passed + failed_authenticated) >= ${TESTED} as tested,
              sum(passed) >= ${TESTED} and min(day) > $3::date - ${NEWCOMER_DAYS} as newcomer,
              2 * sum(failed_subdomain) > sum(failed_unauthenticated) as below
         from counted
        where domain = $1 and day between $2 and $3 and messages > 0 and trust = 'ok'
        group by source)
     select d.day, d.reporter, sum(d.messages) as messages,
            sum(d.dkim_aligned) as dkim_aligned, sum(d.spf_aligned) as spf_aligned,
            coalesce(sum(d.failed_unauthenticated) filter (where s.background), 0) as background,
            count(*) filter (where s.background and d.failed_unauthenticated > 0) as networks,
            coalesce(sum(d.failed_unauthenticated) filter (where s.background and s.below), 0) as background_below,
            count(*) filter (where s.background and s.below and d.failed_unauthenticated > 0) as networks_below, sum(d.contradicted) as contradicted,
            (select count(*) from per_source where tested) as sources, (select count(*) from per_source where newcomer) as newcomers
       from counted d join per_source s using (source)
      where d.domain = $1 and d.day between $2 and $3 and d.messages > 0 and d.trust = 'ok'
      group by d.day, d.reporter
      order by d.day, d.reporter`,
    [domain, from, to, ...params],
  );
  const { sources = 0, newcomers = 0 } = rows[0] ?? {};
  return { reporterDays: rows.map(({ sources: _, newcomers: __, ...row }) => row), sources, newcomers };
}

/**
 * Loads the sources with unauthenticated mail from `recent` to `to`, the `limit` largest with their days, and
 * with their mail from `from` until then.
 */
export async function loadNetworks(
  tx: Tx,
  domain: string,
  { from, recent, to, counted }: CountedDays & { recent: string },
  limit: number,
): Promise<Networks> {
  const { cte, params } = countedRows(counted, 6);
  const { rows } = await tx.query<Network & { rest: (RestDay & { below: boolean; networks: number })[] | null }>(
    `with ${cte},
     per_day as materialized (
       select source, day, sum(passed) as passed, sum(failed_unauthenticated) as failed, sum(failed_subdomain) as below,
              sum(failed_delivered) as delivered,
              sum(quarantined) as quarantined, sum(rejected) as rejected,
              coalesce(array_agg(distinct reporter order by reporter) filter (where failed_unauthenticated > 0), '{}') as reporters
         from counted
        where domain = $1 and day between $2 and $3 and messages > 0 and trust = 'ok'
        group by source, day),
     of_source as materialized (
       select d.*, sum(failed) over by_source as all_failed, sum(passed) over by_source as all_passed,
              2 * sum(below) over by_source > sum(failed) over by_source as mostly_below
         from per_day d window by_source as (partition by source)),
     ranked as materialized (
       select *, dense_rank() over (order by all_failed desc, source) as place from of_source where all_failed > 0),
     largest as (
       select source, all_failed as failed,
              jsonb_agg(jsonb_build_object('day', day, 'passed', passed, 'failed', failed, 'below', below, 'delivered', delivered,
                                           'quarantined', quarantined, 'rejected', rejected, 'reporters', reporters) order by day) as days
         from ranked where place <= $4 group by source, all_failed),
     others as materialized (
       select * from ranked where place > $4 and all_failed > all_passed),
     beyond as (
       select mostly_below as below, day, sum(failed) as failed, sum(least(failed, delivered)) as delivered,
              sum(least(failed, quarantined)) as quarantined, sum(least(failed, rejected)) as rejected,
              (select count(distinct o.source) from others o where o.mostly_below = others.mostly_below) as networks
         from others where failed > 0
        group by mostly_below, day)
     select l.source, l.days, b.before, case when row_number() over (order by l.failed desc, l.source) = 1 then r.rest end as rest
       from largest l
      cross join lateral (
         select jsonb_build_object('passed', coalesce(sum(passed), 0), 'failed', coalesce(sum(failed_unauthenticated), 0),
                                   'days', count(distinct day) filter (where passed > 0)) as before
           from counted d
          where d.domain = $1 and d.source = l.source and d.day >= $5 and d.day < $2 and d.messages > 0 and d.trust = 'ok') b
      cross join (select jsonb_agg(to_jsonb(beyond) order by day, below) as rest from beyond) r
      order by l.failed desc, l.source`,
    [domain, recent, to, limit, from, ...params],
  );
  const rest = rows[0]?.rest ?? [];
  return {
    largest: rows.map(({ source, days: each, before }) => ({ source, days: each, before })),
    others: restOf(rest),
    others_below: restOf(rest.filter(({ below }) => below)),
  };
}

/** Adds up what the networks not listed sent, from the domain itself and from below it. */
function restOf(rows: readonly (RestDay & { below: boolean; networks: number })[]): Rest {
  const days = new Map<string, RestDay>();
  for (const { day, failed, delivered, quarantined, rejected } of rows) {
    const sum = days.get(day) ?? { day, failed: 0, delivered: 0, quarantined: 0, rejected: 0 };
    sum.failed += failed;
    sum.delivered += delivered;
    sum.quarantined += quarantined;
    sum.rejected += rejected;
    days.set(day, sum);
  }
  const networks = new Map(rows.map((row) => [row.below, row.networks]));
  return {
    networks: [...networks.values()].reduce((n, one) => n + one, 0),
    failed: rows.reduce((n, row) => n + row.failed, 0),
    days: [...days.values()],
  };
}

/**
 * The first day on which a deciding reporter saw each source, as far back as rollups are kept: a stranger's
 * report may name any day.
 */
export async function loadFirstSeen(
  tx: Tx,
  domain: string,
  sources: readonly string[],
  counted: Counted,
): Promise<Map<string, string>> {
  if (sources.length === 0) return new Map();
  const { cte, params } = countedRows(counted, 3);
  const { rows } = await tx.query<{ source: string; first_seen: string }>(
    `with ${cte}
     select n.source, f.day as first_seen
       from unnest($2::text[]) as n(source)
      cross join lateral (
        select d.day from counted d
         where d.domain = $1 and d.source = n.source and d.messages > 0 and d.trust = 'ok' order by d.day limit 1) f`,
    [domain, sources, ...params],
  );
  return new Map(rows.map((row) => [row.source, row.first_seen]));
}

/** Loads the policies that each reporter saw published, from `from` to `to`, both included. */
export async function loadPolicyDays(
  tx: Tx,
  domain: string,
  { from, to, counted: { reporters } }: CountedDays,
): Promise<PolicyDay[]> {
  const { rows } = await tx.query<PolicyDay>(
    `select day, reporter, policy, reports from ruawatch.policy_days
      where domain = $1 and day between $2 and $3 and reports > 0 and trust = 'ok' and reporter = any($4::text[])
      order by day, reporter, policy`,
    [domain, from, to, reporters],
  );
  return rows;
}

export interface SourceClass {
  source: string;
  class: 'authorized' | 'misaligned' | 'forwarded' | 'unauthorized' | 'unknown';
  confidence: number;
  why: string;
  /** Of own mail: the first of its newest days, on which most of it fails. */
  failing_since?: string | null;
}

/**
 * Writes the classes of sources. The parser creates the rows, with the rollups; they are locked in the order
 * in which it writes them, so that the two never deadlock.
 * @returns those that have another class now: their mail is to be moved (moveClassDays), once all sources
 * that the transaction writes are locked
 */
export async function saveClasses(tx: Tx, domain: string, at: Date, classes: readonly SourceClass[]): Promise<ClassChange[]> {
  if (classes.length === 0) return [];
  const { rows } = await tx.query<ClassChange>(
    `with held as (
       select s.source, s.class, s.classified_at from ruawatch.sources s
        where s.domain = $1 and s.source = any($4::text[]) order by s.source for update),
     given as (select * from jsonb_to_recordset($3::jsonb) as c(source text, class text, confidence real, why text, failing_since date)),
     changed as (
       insert into ruawatch.class_changes (domain, source, at, was, class, why)
       select $1, h.source, $2, h.class, c.class, c.why from given c join held h on h.source = c.source
        where h.classified_at is not null and h.class is distinct from c.class
       on conflict do nothing),
     saved as (
       update ruawatch.sources s set class = c.class, confidence = c.confidence, why = c.why, failing_since = c.failing_since, classified_at = $2,
              examined_at = coalesce(s.examined_at, $2)
         from given c
         join held h on h.source = c.source
        where s.domain = $1 and s.source = c.source
       returning s.source, h.class as was, c.class)
     select source, was, class from saved where was <> class`,
    [domain, at, JSON.stringify(classes), classes.map((c) => c.source)],
  );
  return rows;
}
