import type { AggregateReport } from '../report/model.ts';
import type { Tx } from '../shared/db.ts';
import { KEY_LENGTH, plain } from './copy.ts';
import { kept, recordsOf } from './partitions.ts';
import { beginRange, policyText, type TrustClass } from './reports.ts';
import { dropEmptyPendingSubdomains, isBelow, rollUpSubdomains } from './subdomains.ts';

/** A report that enters (+1) or leaves (-1) the rollups, among the rows of a trust class. */
export interface RollupChange {
  key: number;
  sign: 1 | -1;
  trust: TrustClass;
  /** Whom it is kept under there. */
  reporter: string;
  /** Of the report, seconds since the epoch. */
  begin: number;
}

/**
 * Adds reports to the daily rollups (sign 1) or takes them out again (sign -1), and notes what the analyzer must look at: one
 * statement over the records just written. Rows are touched in key order, so that two workers never deadlock.
 * A report counts on the UTC day of its begin, whatever its span.
 */
export async function rollUp(tx: Tx, changes: readonly RollupChange[]): Promise<void> {
  if (changes.length === 0) return;
  const { rows } = await tx.query<{ domain: string }>(
    `with delta as materialized (
       select p.domain, r.source, (p.begin_at at time zone 'UTC')::date as day, s.reporter, s.trust,
              sum(s.sign * r.count) as messages,
              sum(s.sign * r.count) filter (where ok.pass) as passed,
              sum(s.sign * r.count) filter (where r.dkim_aligned) as dkim_aligned,
              sum(s.sign * r.count) filter (where r.spf_aligned) as spf_aligned,
              sum(s.sign * r.count) filter (where r.forwarded) as forwarded,
              sum(s.sign * r.count) filter (where not ok.pass and r.forwarded) as failed_forwarded,
              sum(s.sign * r.count) filter (where not ok.pass and not r.forwarded and ok.authenticated) as failed_authenticated,
              sum(s.sign * r.count) filter (where not ok.pass and not r.forwarded and not ok.authenticated) as failed_unauthenticated,
              sum(s.sign * r.count) filter (where not ok.pass and r.foreign_dkim is not null) as failed_foreign_dkim,
              sum(s.sign * r.count) filter (where not ok.pass and r.foreign_spf is not null) as failed_foreign_spf,
              sum(s.sign * r.count) filter (where ok.delivered) as delivered,
              sum(s.sign * r.count) filter (where r.disposition = 'quarantine') as quarantined,
              sum(s.sign * r.count) filter (where r.disposition = 'reject') as rejected,
              sum(s.sign * r.count) filter (where not ok.pass and ok.delivered) as failed_delivered,
              sum(s.sign * r.count) filter (where ok.said <> ok.pass) as contradicted,
              sum(s.sign * r.count) filter (where not ok.pass and not r.forwarded and not ok.authenticated and ok.below) as failed_subdomain,
              bool_or(ok.below) as below,
              left(max(r.foreign_dkim), ${KEY_LENGTH}) as signing_domain
         from unnest($1::bigint[], $2::integer[], $3::text[], $4::text[]) as s(key, sign, trust, reporter)
         join ruawatch.reports p on p.report_key = s.key
        cross join lateral (${recordsOf('p', '$5', '$6')}) r
        cross join lateral (select r.dkim_aligned or r.spf_aligned as pass,
                                   r.foreign_dkim is not null or r.foreign_spf is not null as authenticated,
                                   r.dkim_result = 'pass' or r.spf_result = 'pass' as said,
                                   ${isBelow('r', 'p')} as below,
                                   coalesce(r.disposition, 'none') in ('none', 'pass') as delivered) ok
        group by 1, 2, 3, 4, 5),
     days as (
       insert into ruawatch.source_days as d (domain, source, day, reporter, messages, passed, dkim_aligned, spf_aligned, forwarded,
              failed_forwarded, failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered,
              quarantined, rejected, failed_delivered, contradicted, failed_subdomain, signing_domain, trust)
       select domain, source, day, reporter, messages, coalesce(passed, 0), coalesce(dkim_aligned, 0), coalesce(spf_aligned, 0),
              coalesce(forwarded, 0), coalesce(failed_forwarded, 0), coalesce(failed_authenticated, 0),
              coalesce(failed_unauthenticated, 0), coalesce(failed_foreign_dkim, 0), coalesce(failed_foreign_spf, 0),
              coalesce(delivered, 0), coalesce(quarantined, 0), coalesce(rejected, 0), coalesce(failed_delivered, 0),
              coalesce(contradicted, 0), coalesce(failed_subdomain, 0), signing_domain, trust
         from delta where ${kept('source_days')} order by domain, source, day, reporter, trust
       on conflict (domain, source, day, reporter, trust) do update
          set messages = d.messages + excluded.messages,
              passed = d.passed + excluded.passed,
              dkim_aligned = d.dkim_aligned + excluded.dkim_aligned,
              spf_aligned = d.spf_aligned + excluded.spf_aligned,
              forwarded = d.forwarded + excluded.forwarded,
              failed_forwarded = d.failed_forwarded + excluded.failed_forwarded,
              failed_authenticated = d.failed_authenticated + excluded.failed_authenticated,
              failed_unauthenticated = d.failed_unauthenticated + excluded.failed_unauthenticated,
              failed_foreign_dkim = d.failed_foreign_dkim + excluded.failed_foreign_dkim,
              failed_foreign_spf = d.failed_foreign_spf + excluded.failed_foreign_spf,
              delivered = d.delivered + excluded.delivered,
              quarantined = d.quarantined + excluded.quarantined,
              rejected = d.rejected + excluded.rejected,
              failed_delivered = d.failed_delivered + excluded.failed_delivered,
              contradicted = d.contradicted + excluded.contradicted,
              failed_subdomain = d.failed_subdomain + excluded.failed_subdomain,
              signing_domain = greatest(d.signing_domain, excluded.signing_domain)),
     totals as (
       insert into ruawatch.sources as s (domain, source, first_seen, last_seen, messages, passed)
       select domain, source, min(day), max(day), sum(messages), sum(passed)
         from (select domain, source, day, sum(messages) as messages, coalesce(sum(passed), 0) as passed from delta
                group by domain, source, day
               -- What moves between trust classes adds up to nothing.
               having sum(messages) <> 0 or coalesce(sum(passed), 0) <> 0) moved
        group by domain, source
        order by domain, source
       on conflict (domain, source) do update
          set first_seen = case when s.messages = 0 then excluded.first_seen else least(s.first_seen, excluded.first_seen) end,
              last_seen = case when s.messages = 0 then excluded.last_seen else greatest(s.last_seen, excluded.last_seen) end,
              messages = s.messages + excluded.messages,
              passed = s.passed + excluded.passed),
     work as (insert into ruawatch.analysis_work (domain, source, day) select domain, source, day from delta)
     select distinct domain from delta where below`,
    [
      changes.map((c) => c.key),
      changes.map((c) => c.sign),
      changes.map((c) => c.trust),
      changes.map((c) => c.reporter),
      ...beginRange(changes),
    ],
  );
  // Most domains have no mail below them: their records are read once.
  const domains = rows.map(({ domain }) => domain);
  if (domains.length > 0) await rollUpSubdomains(tx, changes, domains);
  const entered = new Set(changes.filter((c) => c.sign === 1).map((c) => c.key));
  await forget(
    tx,
    changes.filter((c) => c.sign === -1 && !entered.has(c.key)),
  );
}

/**
 * Sums can be taken back; the first and last day of a source and the largest name among its signers cannot, and are looked up again
 * where a report that left may have been the one to say them. The rows it changes are those that rollUp holds already.
 */
async function forget(tx: Tx, left: readonly RollupChange[]): Promise<void> {
  if (left.length === 0) return;
  const keys = left.map((c) => c.key);
  await tx.query(
    `with touched as materialized (
       select distinct p.domain, r.source, g.reporter, (p.begin_at at time zone 'UTC')::date as day, g.trust
         from unnest($1::bigint[], $2::text[], $3::text[]) as g(key, trust, reporter)
         join ruawatch.reports p on p.report_key = g.key
        cross join lateral (${recordsOf('p', '$4', '$5')}) r
        where r.foreign_dkim is not null),
     said as (
       select t.*, (select left(max(r.foreign_dkim), ${KEY_LENGTH})
                      from ruawatch.reports p
                     cross join lateral (${recordsOf('p', "t.day::timestamp at time zone 'UTC'", "(t.day + 1)::timestamp at time zone 'UTC'")}) r
                     where p.domain = t.domain and p.begin_at >= t.day::timestamp at time zone 'UTC'
                       and p.begin_at < (t.day + 1)::timestamp at time zone 'UTC'
                       and p.reporter = t.reporter and p.trust = t.trust and p.superseded_by is null and r.source = t.source) as signer
         from touched t)
     update ruawatch.source_days d set signing_domain = s.signer from said s
      where d.domain = s.domain and d.source = s.source and d.day = s.day and d.reporter = s.reporter and d.trust = s.trust
        and d.signing_domain is distinct from s.signer`,
    [keys, left.map((c) => c.trust), left.map((c) => c.reporter), ...beginRange(left)],
  );
  await tx.query(
    `with touched as materialized (
       select distinct p.domain, r.source
         from ruawatch.reports p
        cross join lateral (${recordsOf('p', '$2', '$3')}) r
        where p.report_key = any($1::bigint[])),
     seen as (
       select t.domain, t.source, min(d.day) as first_seen, max(d.day) as last_seen
         from touched t join ruawatch.source_days d on d.domain = t.domain and d.source = t.source and d.messages > 0
        group by t.domain, t.source),
     -- The days that were dropped cannot be looked up; what they said stays.
     dropped as (select dropped_before as before from ruawatch.partitioned where name = 'source_days')
     update ruawatch.sources s
        set first_seen = case when s.first_seen < d.before then s.first_seen else e.first_seen end, last_seen = e.last_seen
       from seen e, dropped d
      where s.domain = e.domain and s.source = e.source and (s.first_seen, s.last_seen) is distinct from (e.first_seen, e.last_seen)`,
    [keys, ...beginRange(left)],
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
     days as (
       insert into ruawatch.policy_days as d (domain, day, reporter, policy, trust, reports)
       select domain, day, reporter, policy, trust, n from delta where ${kept('policy_days')} order by domain, day, reporter, policy, trust
       on conflict (domain, day, reporter, policy, trust) do update set reports = d.reports + excluded.reports)
     insert into ruawatch.analysis_work (domain, source, day) select distinct domain, '', day from delta order by 1, 3`,
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
    `insert into ruawatch.analysis_work (domain, source, day)
     select distinct domain, '', day from unnest($1::text[], $2::date[]) as t(domain, day) order by 1, 3`,
    [days.map((d) => d.domain), days.map((d) => d.day)],
  );
}

/**
 * Notes the sources of reports that were superseded as they came. In another order they would have entered the rollups and left them
 * again: what the analyzer looks at must not tell the difference, for it holds a source against the domain of the moment.
 */
export async function noteSources(tx: Tx, reports: readonly { key: number; begin: number }[]): Promise<void> {
  if (reports.length === 0) return;
  await tx.query(
    `insert into ruawatch.analysis_work (domain, source, day)
     select distinct p.domain, r.source, (p.begin_at at time zone 'UTC')::date
       from ruawatch.reports p
      cross join lateral (${recordsOf('p', '$2', '$3', 'source')}) r
      where p.report_key = any($1::bigint[])
      order by 1, 2, 3`,
    [reports.map((r) => r.key), ...beginRange(reports)],
  );
}

export type PolicyReport = Pick<AggregateReport, 'domain' | 'begin' | 'policy'>;

/** What rollUpPolicies needs of reports that already stand, to take them out again. */
export async function loadPolicyReports(
  tx: Tx,
  keys: readonly number[],
): Promise<(PolicyReport & { key: number; trust: TrustClass; reporter: string })[]> {
  if (keys.length === 0) return [];
  const { rows } = await tx.query<PolicyReport & { key: number; trust: TrustClass; reporter: string }>(
    `select report_key as key, trust, reporter, domain, extract(epoch from begin_at)::float8 as begin,
            jsonb_build_object('p', policy_p, 'sp', policy_sp, 'np', policy_np, 'adkim', adkim, 'aspf', aspf,
                               'pct', policy_pct::text, 'testing', policy_testing) as policy
       from ruawatch.reports where report_key = any($1::bigint[])`,
    [keys],
  );
  return rows;
}

/** Removes the rows of reports that wait no more: nearly every report leaves one, and there is nothing in it. */
export async function dropEmptyPending(
  tx: Tx,
  reports: readonly { key: number; begin: number; reporter: string }[],
): Promise<void> {
  if (reports.length === 0) return;
  const keys = reports.map((r) => r.key);
  const reporters = reports.map((r) => r.reporter);
  const [from, to] = beginRange(reports);
  await tx.query(
    `with touched as materialized (
       select distinct p.domain, r.source, (p.begin_at at time zone 'UTC')::date as day, s.reporter
         from unnest($1::bigint[], $4::text[]) as s(key, reporter)
         join ruawatch.reports p on p.report_key = s.key
        cross join lateral (${recordsOf('p', '$2', '$3')}) r)
     delete from ruawatch.source_days d using touched t
      where d.domain = t.domain and d.source = t.source and d.day = t.day and d.reporter = t.reporter
        and d.day between ($2::timestamptz at time zone 'UTC')::date and ($3::timestamptz at time zone 'UTC')::date
        and d.trust = 'pending' and d.messages = 0`,
    [keys, from, to, reporters],
  );
  await tx.query(
    `delete from ruawatch.policy_days d
      using unnest($1::bigint[], $4::text[]) as s(key, reporter) join ruawatch.reports p on p.report_key = s.key
      where d.domain = p.domain and d.day = (p.begin_at at time zone 'UTC')::date
        and d.day between ($2::timestamptz at time zone 'UTC')::date and ($3::timestamptz at time zone 'UTC')::date
        and d.reporter = s.reporter and d.trust = 'pending' and d.reports = 0`,
    [keys, from, to, reporters],
  );
  await dropEmptyPendingSubdomains(tx, keys, from, to);
}
