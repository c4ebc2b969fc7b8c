import type { AggregateReport } from '../../report/model.ts';
import { knownKeys } from '../../report/reporters/reporters.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import { SUMS } from '../analysis/counted.ts';
import { LATER, URGENT, USUAL } from '../analysis/work.ts';
import { isOwnSql } from '../domains/domains.ts';
import { KEY_LENGTH, plain } from '../reports/copy-records.ts';
import { beginRange, policyText, type TrustClass } from '../reports/reports.ts';
import { kept, recordsOf } from '../schema/partitions.ts';
import { added, OTHER_SOURCES, type ReportSize, sumOf } from './allowance.ts';
import { allowed, type Beyond, beyondAllowance } from './beyond.ts';
import { dropEmptyPendingSubdomains, isBelow, rollUpSubdomains } from './subdomain-days.ts';

/** A report that enters (+1) or leaves (-1) the rollups, among the rows of a trust class. */
export interface RollupChange {
  key: number;
  sign: 1 | -1;
  trust: TrustClass;
  /** Whom it is kept under there. */
  reporter: string;
  /** Of the report, seconds since the epoch. */
  begin: number;
  /** What its row says of its size. */
  size: ReportSize;
}

const COUNTS = ['messages', ...SUMS];

/**
 * Adds reports to the daily rollups (sign 1) or takes them out again (sign -1), and notes what the analyzer must look at: one
 * statement over the records just written. Only own domains are looked at; what becomes own is noted by listHistory. Rows are
 * touched in key order, and once a transaction (parser/batch.ts), so that two workers never deadlock.
 * A report counts on the UTC day of its begin, whatever its span.
 *
 * Only proven reports are noted for the analyzer and have a part in the sums over all time: what anybody can mail must not be able to
 * spoil or to delay them. Of a report with very many sources those beyond its allowance (reports.ts) are one source together.
 */
export async function rollUp(tx: Tx, changes: readonly RollupChange[]): Promise<void> {
  if (changes.length === 0) return;
  const large = beyondAllowance(changes);
  const named = allowed(large, 'source', 8);
  const within = sumOf(changes.map(({ size }) => size.messages));
  const { rows } = await tx.query<{ domain: string }>(
    `with ${named.cte}delta as materialized (
       select p.domain, ${named.name} as source, (p.begin_at at time zone 'UTC')::date as day, s.reporter, s.trust,
              ${within('sum(s.sign * r.count)')} as messages,
              ${within('sum(s.sign * r.count) filter (where ok.pass)')} as passed,
              ${within('sum(s.sign * r.count) filter (where r.dkim_aligned)')} as dkim_aligned,
              ${within('sum(s.sign * r.count) filter (where r.spf_aligned)')} as spf_aligned,
              ${within('sum(s.sign * r.count) filter (where r.forwarded)')} as forwarded,
              ${within('sum(s.sign * r.count) filter (where not ok.pass and r.forwarded)')} as failed_forwarded,
              ${within('sum(s.sign * r.count) filter (where not ok.pass and not r.forwarded and ok.authenticated)')} as failed_authenticated,
              ${within('sum(s.sign * r.count) filter (where not ok.pass and not r.forwarded and not ok.authenticated)')}
                as failed_unauthenticated,
              ${within('sum(s.sign * r.count) filter (where not ok.pass and r.foreign_dkim is not null)')} as failed_foreign_dkim,
              ${within('sum(s.sign * r.count) filter (where not ok.pass and r.foreign_spf is not null)')} as failed_foreign_spf,
              ${within('sum(s.sign * r.count) filter (where ok.delivered)')} as delivered,
              ${within("sum(s.sign * r.count) filter (where r.disposition = 'quarantine')")} as quarantined,
              ${within("sum(s.sign * r.count) filter (where r.disposition = 'reject')")} as rejected,
              ${within('sum(s.sign * r.count) filter (where not ok.pass and ok.delivered)')} as failed_delivered,
              ${within('sum(s.sign * r.count) filter (where ok.said <> ok.pass)')} as contradicted,
              ${within('sum(s.sign * r.count) filter (where not ok.pass and not r.forwarded and not ok.authenticated and ok.below)')}
                as failed_subdomain,
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
                                   coalesce(r.disposition, 'none') in ('none', 'pass') as delivered) ok
        ${named.join}
        group by 1, 2, 3, 4, 5),
     days as (
       insert into ruawatch.source_days as d (domain, source, day, reporter, trust, signing_domain, ${COUNTS.join(', ')})
       select domain, source, day, reporter, trust, case when source <> '${OTHER_SOURCES}' then signing_domain end, ${COUNTS.join(', ')}
         from delta where ${kept('source_days')} order by domain, source, day, reporter, trust
       on conflict (domain, source, day, reporter, trust) do update
          set ${COUNTS.map((name) => `${name} = ${added('d', name)}`).join(', ')},
              signing_domain = greatest(d.signing_domain, excluded.signing_domain)),
     -- Whose word may decide: a known reporter's, what the operator vouches for, and who the analyzer found to decide. The others' comes later.
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
              passed = ${added('s', 'passed')}),
     -- Materialized, and not joined: each domain is asked about once, not each row.
     named as materialized (select distinct domain from moved),
     own as materialized (select domain from named where ${isOwnSql('domain')}),
     work as (
       insert into ruawatch.analysis_work (domain, source, day, tier)
       select domain, source, last_day, tier
         from moved where (domain in (select domain from own)) is true and source <> '${OTHER_SOURCES}')
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
  if (domains.length > 0) await rollUpSubdomains(tx, changes, domains, large);
  const entered = new Set(changes.filter((c) => c.sign === 1).map((c) => c.key));
  await forget(
    tx,
    changes.filter((c) => c.sign === -1 && !entered.has(c.key)),
    large,
  );
}

/**
 * Sums can be taken back; the first and last day of a source and the largest name among its signers cannot, and are looked up again
 * where a report that left may have been the one to say them. The rows it changes are those that rollUp holds already.
 */
async function forget(tx: Tx, left: readonly RollupChange[], large: Beyond): Promise<void> {
  if (left.length === 0) return;
  const signed = allowed(large, 'source', 6);
  const keys = left.map((c) => c.key);
  await tx.query(
    `with ${signed.cte}touched as materialized (
       select distinct p.domain, ${signed.name} as source, s.reporter, (p.begin_at at time zone 'UTC')::date as day, s.trust
         from unnest($1::bigint[], $2::text[], $3::text[]) as s(key, trust, reporter)
         join ruawatch.reports p on p.report_key = s.key
        cross join lateral (${recordsOf('p', '$4', '$5')}) r
        ${signed.join}
        where r.foreign_dkim is not null),
     -- All that the same reporters told of the same days, looked through once, however many sources there are.
     told as materialized (
       select t.domain, t.reporter, t.day, t.trust, r.source, left(max(r.foreign_dkim), ${KEY_LENGTH}) as signer
         from (select distinct domain, reporter, day, trust from touched) t
         join ruawatch.reports p
           on p.domain = t.domain and p.begin_at >= t.day::timestamp at time zone 'UTC' and p.begin_at < (t.day + 1)::timestamp at time zone 'UTC'
          and p.reporter = t.reporter and p.trust = t.trust and p.superseded_by is null
        cross join lateral (${recordsOf('p', "t.day::timestamp at time zone 'UTC'", "(t.day + 1)::timestamp at time zone 'UTC'")}) r
        where r.foreign_dkim is not null
        group by 1, 2, 3, 4, 5),
     said as (
       select t.*, o.signer from touched t left join told o using (domain, reporter, day, trust, source))
     update ruawatch.source_days d set signing_domain = s.signer from said s
      where d.domain = s.domain and d.source = s.source and d.day = s.day and d.reporter = s.reporter and d.trust = s.trust
        and d.source <> '${OTHER_SOURCES}' and d.signing_domain is distinct from s.signer`,
    [keys, left.map((c) => c.trust), left.map((c) => c.reporter), ...beginRange(left), ...signed.params],
  );
  const proven = left.filter((c) => c.trust === 'ok');
  if (proven.length === 0) return;
  const { cte, name, join, params } = allowed(large, 'source', 4);
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
     -- The days that were dropped cannot be looked up; what they said stays.
     dropped as (select dropped_before as before from ruawatch.partitioned where name = 'source_days')
     update ruawatch.sources s
        set first_seen = case when s.first_seen < d.before then s.first_seen else e.first_seen end, last_seen = e.last_seen
       from seen e, dropped d
      where s.domain = e.domain and s.source = e.source and (s.first_seen, s.last_seen) is distinct from (e.first_seen, e.last_seen)`,
    [proven.map((c) => c.key), ...beginRange(proven), ...params],
  );
}

/** The same for the policies that reports say were published. Needs no record: a report without any still tells the policy. */
export async function rollUpPolicies(
  tx: Tx,
  reports: readonly { report: PolicyReport; sign: 1 | -1; trust: TrustClass; reporter: string }[],
): Promise<void> {
  const sums = new Map<string, { domain: string; day: string; reporter: string; policy: string; trust: TrustClass; n: number }>();
  for (const { report, sign, trust, reporter } of reports) {
    const policy = policyText(report.policy);
    if (policy === '') continue;
    const row = {
      domain: plain(report.domain).slice(0, KEY_LENGTH),
      day: new Date(report.begin * 1000).toISOString().slice(0, 10),
      reporter,
      policy,
      trust,
    };
    const key = JSON.stringify(row);
    const sum = sums.get(key);
    if (sum) sum.n += sign;
    else sums.set(key, { ...row, n: sign });
  }
  if (sums.size === 0) return;
  const rows = [...sums.values()];
  await tx.query(
    `with delta as (select * from unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::text[], $6::bigint[])
                      as t(domain, day, reporter, policy, trust, n)),
     named as materialized (select distinct domain from delta),
     own as materialized (select domain from named where ${isOwnSql('domain')}),
     days as (
       insert into ruawatch.policy_days as d (domain, day, reporter, policy, trust, reports)
       select domain, day, reporter, policy, trust, n from delta where ${kept('policy_days')} order by domain, day, reporter, policy, trust
       on conflict (domain, day, reporter, policy, trust) do update set reports = d.reports + excluded.reports)
     insert into ruawatch.analysis_work (domain, source, day)
     select d.domain, '', d.day
       from (select distinct domain, day from delta where trust <> 'pending') d
      where (d.domain in (select domain from own)) is true
      order by 1, 3`,
    [
      rows.map((r) => r.domain),
      rows.map((r) => r.day),
      rows.map((r) => r.reporter),
      rows.map((r) => r.policy),
      rows.map((r) => r.trust),
      rows.map((r) => r.n),
    ],
  );
}

/** Notes domains that the analyzer must look at though no sum may have changed: what is forged in a reporter's name moves none. */
export async function noteDomains(tx: Tx, days: readonly { domain: string; day: string }[]): Promise<void> {
  if (days.length === 0) return;
  await tx.query(
    `with named as materialized (select distinct domain from unnest($1::text[]) as t(domain)),
     own as materialized (select domain from named where ${isOwnSql('domain')})
     insert into ruawatch.analysis_work (domain, source, day)
     select distinct domain, '', day from unnest($1::text[], $2::date[]) as t(domain, day) join own using (domain) order by 1, 3`,
    [days.map((d) => d.domain), days.map((d) => d.day)],
  );
}

/**
 * Notes the sources of proven reports that were superseded as they came. In another order they would have entered the rollups and left
 * them again: what the analyzer looks at must not tell the difference, for it holds a source against the domain of the moment.
 */
export async function noteSources(tx: Tx, reports: readonly Omit<RollupChange, 'sign' | 'reporter'>[]): Promise<void> {
  const proven = reports.filter(({ trust }) => trust === 'ok');
  if (proven.length === 0) return;
  const { cte, name, join, params } = allowed(beyondAllowance(proven), 'source', 4);
  await tx.query(
    `with ${cte}named as (
       select distinct p.domain, ${name} as source, (p.begin_at at time zone 'UTC')::date as day
         from (select unnest($1::bigint[]) as key, 'ok' as trust) s
         join ruawatch.reports p on p.report_key = s.key and ${isOwnSql('p.domain')}
        cross join lateral (${recordsOf('p', '$2', '$3')}) r
        ${join})
     insert into ruawatch.analysis_work (domain, source, day)
     select domain, source, day from named where source <> '${OTHER_SOURCES}' order by 1, 2, 3`,
    [proven.map((r) => r.key), ...beginRange(proven), ...params],
  );
}

export type PolicyReport = Pick<AggregateReport, 'domain' | 'begin' | 'policy'>;

/** A report that already stands. */
type StandingReport = PolicyReport & Omit<RollupChange, 'sign'>;

/** SQL: the size of a report, a row of ruawatch.reports. */
export const SIZE = `json_build_object('records', records, 'messages', messages, 'proven', allowance_proven, 'unproven', allowance_unproven)`;

/** What rollUp and rollUpPolicies need of reports that already stand, to take them out again. */
export async function loadPolicyReports(tx: Tx, keys: readonly number[]): Promise<StandingReport[]> {
  if (keys.length === 0) return [];
  const { rows } = await tx.query<StandingReport>(
    `select report_key as key, trust, reporter, domain, extract(epoch from begin_at)::float8 as begin, ${SIZE} as size,
            jsonb_build_object('p', policy_p, 'sp', policy_sp, 'np', policy_np, 'adkim', adkim, 'aspf', aspf,
                               'pct', policy_pct::text, 'testing', policy_testing) as policy
       from ruawatch.reports where report_key = any($1::bigint[])`,
    [keys],
  );
  return rows;
}

/**
 * Removes the rows of reports that wait no more: nearly every report leaves one, and there is nothing in it. Whoever has such a row in
 * hand puts something into it, or removes it himself: nobody is waited for.
 */
export async function dropEmptyPending(tx: Tx, changes: readonly RollupChange[]): Promise<void> {
  const reports = changes.filter(({ sign, trust }) => sign === -1 && trust === 'pending');
  if (reports.length === 0) return;
  const keys = reports.map((r) => r.key);
  const reporters = reports.map((r) => r.reporter);
  const [from, to] = beginRange(reports);
  const { cte, name, join, params } = allowed(beyondAllowance(reports), 'source', 5);
  await tx.query(
    `with ${cte}touched as materialized (
       select distinct p.domain, ${name} as source, (p.begin_at at time zone 'UTC')::date as day, s.reporter
         from (select *, 'pending' as trust from unnest($1::bigint[], $4::text[]) as g(key, reporter)) s
         join ruawatch.reports p on p.report_key = s.key
        cross join lateral (${recordsOf('p', '$2', '$3')}) r
        ${join}),
     empty as materialized (
       select d.domain, d.source, d.day, d.reporter
         from ruawatch.source_days d join touched t using (domain, source, day, reporter)
        where d.day between ($2::timestamptz at time zone 'UTC')::date and ($3::timestamptz at time zone 'UTC')::date
          and d.trust = 'pending' and d.messages = 0
          for update of d skip locked)
     delete from ruawatch.source_days d using empty e
      where d.domain = e.domain and d.source = e.source and d.day = e.day and d.reporter = e.reporter
        and d.day between ($2::timestamptz at time zone 'UTC')::date and ($3::timestamptz at time zone 'UTC')::date
        and d.trust = 'pending'`,
    [keys, from, to, reporters, ...params],
  );
  await tx.query(
    `with empty as materialized (
       select d.domain, d.day, d.reporter, d.policy
         from (select distinct r.domain, (r.begin_at at time zone 'UTC')::date as day, s.reporter
                 from unnest($1::bigint[], $4::text[]) as s(key, reporter) join ruawatch.reports r on r.report_key = s.key) p
         join ruawatch.policy_days d using (domain, day, reporter)
        where d.day between ($2::timestamptz at time zone 'UTC')::date and ($3::timestamptz at time zone 'UTC')::date
          and d.trust = 'pending' and d.reports = 0
          for update of d skip locked)
     delete from ruawatch.policy_days d using empty e
      where d.domain = e.domain and d.day = e.day and d.reporter = e.reporter and d.policy = e.policy and d.trust = 'pending'
        and d.day between ($2::timestamptz at time zone 'UTC')::date and ($3::timestamptz at time zone 'UTC')::date`,
    [keys, from, to, reporters],
  );
  await dropEmptyPendingSubdomains(tx, keys, from, to);
}
