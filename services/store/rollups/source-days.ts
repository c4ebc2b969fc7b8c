import { knownKeys } from '../../report/reporters/reporters.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import { LATER, URGENT, USUAL } from '../analysis/work.ts';
import { isOwnSql } from '../domains/domains.ts';
import { beginRange, kept, readingByKey, recordsOf } from '../schema/partitions.ts';
import { KEY_LENGTH } from '../sql-text.ts';
import { added, OTHER_SOURCES, sumOf } from './allowance.ts';
import { classDaysSql } from './class-days.ts';
import { domainDaysSql } from './domain-days.ts';
import { brokenSignature, listEnvelope, spfError } from './mechanisms.ts';
import { type LimitedNames, limitNames, type OverAllowance, overAllowance, type RollupChange } from './over-allowance.ts';
import { rollUpSelectors } from './selector-days.ts';
import { ROW_COUNTS } from './source-counts.ts';
import { isBelow, rollUpSubdomains } from './subdomain-days.ts';

/**
 * SQL: which of a record's messages each count of ruawatch.source_days takes; `ok` holds what several of them
 * need.
 */
const COUNTED_WHEN: Record<(typeof ROW_COUNTS)[number], string> = {
  passed: 'ok.pass',
  dkim_aligned: 'r.dkim_aligned',
  spf_aligned: 'r.spf_aligned',
  forwarded: 'r.forwarded',
  failed_forwarded: 'not ok.pass and r.forwarded',
  failed_authenticated: 'not ok.pass and not r.forwarded and ok.authenticated',
  failed_unauthenticated: 'not ok.pass and not r.forwarded and not ok.authenticated',
  failed_foreign_dkim: 'not ok.pass and r.foreign_dkim is not null',
  failed_foreign_spf: 'not ok.pass and r.foreign_spf is not null',
  delivered: 'ok.delivered',
  quarantined: "r.disposition = 'quarantine'",
  rejected: "r.disposition = 'reject'",
  failed_delivered: 'not ok.pass and ok.delivered',
  contradicted: 'ok.said <> ok.pass',
  failed_subdomain: 'not ok.pass and not r.forwarded and not ok.authenticated and ok.below',
  dkim_broken: 'ok.broken',
  failed_signed: 'not ok.pass and not r.forwarded and ok.broken',
  failed_list: 'not ok.pass and not r.forwarded and ok.listed',
  spf_permerror: "ok.spf_error = 'permerror'",
  spf_temperror: "ok.spf_error = 'temperror'",
};

const COUNTS = ['messages', ...ROW_COUNTS];

/**
 * SQL: the sums over the records of reports `p` that change with `s`, a row for each of the rollup's.
 * Parameters 1 to 6 are rollUp's.
 */
const deltaSql = ({ name, join }: LimitedNames, within: (sum: string) => string) => `
       select p.domain, ${name} as source, (p.begin_at at time zone 'UTC')::date as day, s.reporter, s.trust,
              ${within('sum(s.sign * r.count)')} as messages,
              ${ROW_COUNTS.map((sum) => `${within(`sum(s.sign * r.count) filter (where ${COUNTED_WHEN[sum]})`)} as ${sum}`).join(', ')},
              bool_or(ok.below) as below,
              bool_or(not ok.pass and not r.forwarded and not ok.authenticated and ok.delivered and r.count > 0) as urgent,
              bool_or(p.reporter_trust is distinct from 'authenticated') as vouched,
              left(max(r.foreign_dkim), ${KEY_LENGTH}) as signing_domain
         from unnest($1::bigint[], $2::integer[], $3::text[], $4::text[]) as s(key, sign, trust, reporter)
         join ruawatch.reports p on p.report_key = s.key
        cross join lateral (${recordsOf('p', '$5', '$6')}) r
        cross join lateral (select r.dkim_aligned or r.spf_aligned as pass,
                                   r.foreign_dkim is not null or r.foreign_spf is not null as authenticated,
                                   r.dkim_result = 'pass' or r.spf_result = 'pass' as said,
                                   ${isBelow('r', 'p')} as below,
                                   coalesce(r.disposition, 'none') in ('none', 'pass') as delivered,
                                   ${brokenSignature('r', 'p')} as broken,
                                   ${listEnvelope('r')} as listed,
                                   ${spfError('r', 'p')} as spf_error) ok
        ${join}
        group by 1, 2, 3, 4, 5`;

/**
 * SQL: the common table expressions that write what `delta` holds: the rollup, the sums over all time, the
 * analyzer's work.
 */
const writesSql = (within: (sum: string) => string) => `days as (
       insert into ruawatch.source_days as d (domain, source, day, reporter, trust, signing_domain, ${COUNTS.join(', ')})
       select domain, source, day, reporter, trust, case when source <> '${OTHER_SOURCES}' then signing_domain end, ${COUNTS.join(', ')}
         from delta where ${kept('source_days')} order by domain, source, day, reporter, trust
       on conflict (domain, source, day, reporter, trust) do update
          set ${COUNTS.map((name) => `${name} = ${added('d', name)}`).join(', ')},
              signing_domain = greatest(d.signing_domain, excluded.signing_domain)),
     ${domainDaysSql(within)},
     -- Reports that may decide: a known reporter's, those the operator vouches for, and those of reporters
     -- that the analyzer lets decide. The work of all others has the last tier.
     deciding as materialized (
       select domain, reporter from (select domain, reporter, bool_or(vouched) as vouched from delta where trust = 'ok' group by 1, 2) t
        where vouched or reporter = any($7::text[])
           or (select d.decides from ruawatch.domain_reporters d where d.domain = t.domain and d.reporter = t.reporter)),
     moved as materialized (
       select domain, source, min(day) as first_day, max(day) as last_day, ${within('sum(messages)')} as messages,
              ${within('sum(passed)')} as passed,
              min(case when ((domain, reporter) in (select domain, reporter from deciding)) is not true then ${LATER}
                       when urgent then ${URGENT} else ${USUAL} end) as tier
         from delta where trust = 'ok'
        group by domain, source
        order by domain, source),
     totals as (
       insert into ruawatch.sources as s (domain, source, first_seen, last_seen, messages, passed)
       select domain, source, first_day, last_day, messages, passed from moved order by domain, source
       on conflict (domain, source) do update
          set first_seen = case when s.messages = 0 then excluded.first_seen else least(s.first_seen, excluded.first_seen) end,
              last_seen = case when s.messages = 0 then excluded.last_seen else greatest(s.last_seen, excluded.last_seen) end,
              messages = ${added('s', 'messages')},
              passed = ${added('s', 'passed')}
       returning s.domain, s.source, s.class),
     ${classDaysSql(within)},
     -- Materialized, and not joined: each domain is asked about once, not each row.
     named as materialized (select distinct domain from moved),
     own as materialized (select domain from named where ${isOwnSql('domain')}),
     work as (
       insert into ruawatch.analysis_work (domain, source, tier)
       select domain, source, tier
         from moved where (domain in (select domain from own)) is true and source <> '${OTHER_SOURCES}')`;

/**
 * Adds reports to the daily rollups (sign 1) or takes them out again (sign -1), and notes what the analyzer
 * must look at: one statement over the records just written. A report counts on the UTC day of its begin,
 * whatever its span. Rows are locked in key order, and once in a transaction (parser/write-messages.ts), so
 * that two workers never deadlock. Work is noted for own domains only; listHistory notes what becomes own.
 *
 * Only proven reports are noted for the analyzer and enter the sums over all time: what anybody can mail must
 * neither spoil nor delay them. Sources of a report beyond its allowance (allowance.ts) are counted as one.
 */
export async function rollUp(tx: Tx, changes: readonly RollupChange[]): Promise<void> {
  if (changes.length === 0) return;
  const over = overAllowance(changes);
  const entered = new Set(changes.filter((c) => c.sign === 1).map((c) => c.key));
  const left = changes.filter((c) => c.sign === -1 && !entered.has(c.key));
  const usual = over.keys.length === 0;
  await readingByKey(tx, () => rollUpAll(tx, changes, over), usual);
  if (left.length > 0) await readingByKey(tx, () => recompute(tx, left, over), usual);
}

/** The rollups by source, by name below the domain, and by key. */
async function rollUpAll(tx: Tx, changes: readonly RollupChange[], over: OverAllowance): Promise<void> {
  const named = limitNames(over, 8);
  const within = sumOf(changes.map(({ size }) => size.messages));
  const { rows } = await tx.query<{ domain: string }>(
    `with ${named.cte}delta as materialized (${deltaSql(named, within)}),
     ${writesSql(within)}
     select distinct domain from delta where below`,
    [
      changes.map((c) => c.key),
      changes.map((c) => c.sign),
      changes.map((c) => c.trust),
      changes.map((c) => c.reporter),
      ...beginRange(changes),
      knownKeys(),
      ...named.params,
    ],
  );
  // Most domains have no mail below them: their records are read once.
  const domains = rows.map(({ domain }) => domain);
  if (domains.length > 0) await rollUpSubdomains(tx, changes, domains, over);
  await rollUpSelectors(tx, changes, over);
}

/**
 * A sum can be subtracted from. The greatest name among a source's signers, and its first and last day,
 * cannot: they are looked up again where a report that left may have been the one to give them. The rows that
 * change are locked by rollUp already.
 */
async function recompute(tx: Tx, left: readonly RollupChange[], over: OverAllowance): Promise<void> {
  await recomputeSigners(tx, left, over);
  const proven = left.filter((c) => c.trust === 'ok');
  if (proven.length > 0) await recomputeDays(tx, proven, over);
}

async function recomputeSigners(tx: Tx, left: readonly RollupChange[], over: OverAllowance): Promise<void> {
  const signed = limitNames(over, 6);
  const keys = left.map((c) => c.key);
  await tx.query(
    `with ${signed.cte}touched as materialized (
       select distinct p.domain, ${signed.name} as source, s.reporter, (p.begin_at at time zone 'UTC')::date as day, s.trust
         from unnest($1::bigint[], $2::text[], $3::text[]) as s(key, trust, reporter)
         join ruawatch.reports p on p.report_key = s.key
        cross join lateral (${recordsOf('p', '$4', '$5')}) r
        ${signed.join}
        where r.foreign_dkim is not null),
     -- All reports of the same reporters on the same days, searched once, however many sources there are.
     same_days as materialized (
       select t.domain, t.reporter, t.day, t.trust, r.source, left(max(r.foreign_dkim), ${KEY_LENGTH}) as signer
         from (select distinct domain, reporter, day, trust from touched) t
         join ruawatch.reports p
           on p.domain = t.domain and p.begin_at >= t.day::timestamp at time zone 'UTC' and p.begin_at < (t.day + 1)::timestamp at time zone 'UTC'
          and p.reporter = t.reporter and p.trust = t.trust and p.superseded_by is null
        cross join lateral (${recordsOf('p', "t.day::timestamp at time zone 'UTC'", "(t.day + 1)::timestamp at time zone 'UTC'")}) r
        where r.foreign_dkim is not null
        group by 1, 2, 3, 4, 5),
     said as (
       select t.*, o.signer from touched t left join same_days o using (domain, reporter, day, trust, source))
     update ruawatch.source_days d set signing_domain = s.signer from said s
      where d.domain = s.domain and d.source = s.source and d.day = s.day and d.reporter = s.reporter and d.trust = s.trust
        and d.source <> '${OTHER_SOURCES}' and d.signing_domain is distinct from s.signer`,
    [keys, left.map((c) => c.trust), left.map((c) => c.reporter), ...beginRange(left), ...signed.params],
  );
}

async function recomputeDays(tx: Tx, proven: readonly RollupChange[], over: OverAllowance): Promise<void> {
  const { cte, name, join, params } = limitNames(over, 4);
  await tx.query(
    `with ${cte}touched as materialized (
       select distinct p.domain, ${name} as source
         from (select unnest($1::bigint[]) as key, 'ok' as trust) s
         join ruawatch.reports p on p.report_key = s.key
        cross join lateral (${recordsOf('p', '$2', '$3')}) r
        ${join}),
     seen as (
       select t.domain, t.source, min(d.day) as first_seen, max(d.day) as last_seen
         from touched t
         join ruawatch.source_days d on d.domain = t.domain and d.source = t.source and d.messages > 0 and d.trust = 'ok'
        group by t.domain, t.source),
     -- Days that were dropped cannot be looked up: what they gave stays.
     dropped as (select dropped_before as before from ruawatch.partitioned where name = 'source_days')
     update ruawatch.sources s
        set first_seen = case when s.first_seen < d.before then s.first_seen else e.first_seen end, last_seen = e.last_seen
       from seen e, dropped d
      where s.domain = e.domain and s.source = e.source and (s.first_seen, s.last_seen) is distinct from (e.first_seen, e.last_seen)`,
    [proven.map((c) => c.key), ...beginRange(proven), ...params],
  );
}
