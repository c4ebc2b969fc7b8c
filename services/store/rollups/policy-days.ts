import type { AggregateReport, PolicyPublished } from '../../report/model.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import { isOwnSql } from '../domains/domains.ts';
import type { TrustClass } from '../reports/trust.ts';
import { kept } from '../schema/partitions.ts';
import { clipped, keyText } from '../sql-text.ts';
import { SIZE_SQL } from './allowance.ts';
import type { RollupChange } from './over-allowance.ts';

export type PolicyReport = Pick<AggregateReport, 'domain' | 'begin' | 'policy'>;

/** A stored report that is current. */
type CurrentReport = PolicyReport & Omit<RollupChange, 'sign'>;

/** Loads what rollUp and rollUpPolicies need to take stored reports out again. */
export async function loadPolicyReports(tx: Tx, keys: readonly number[]): Promise<CurrentReport[]> {
  if (keys.length === 0) return [];
  const { rows } = await tx.query<CurrentReport>(
    `select report_key as key, trust, reporter, domain, extract(epoch from begin_at)::float8 as begin, ${SIZE_SQL} as size,
            jsonb_build_object('p', policy_p, 'sp', policy_sp, 'np', policy_np, 'adkim', adkim, 'aspf', aspf,
                               'pct', policy_pct::text, 'testing', policy_testing) as policy
       from ruawatch.reports where report_key = any($1::bigint[])`,
    [keys],
  );
  return rows;
}

/**
 * Adds the policies that reports say were published to the daily rollup (sign 1) or takes them out (sign -1),
 * and notes their domains for the analyzer. Needs no records: a report without any still states the policy.
 */
export async function rollUpPolicies(
  tx: Tx,
  reports: readonly { report: PolicyReport; sign: 1 | -1; trust: TrustClass; reporter: string }[],
): Promise<void> {
  const sums = new Map<string, { domain: string; day: string; reporter: string; policy: string; trust: TrustClass; n: number }>();
  for (const { report, sign, trust, reporter } of reports) {
    const policy = policyText(report.policy);
    if (policy === '') continue;
    const row = {
      domain: keyText(report.domain),
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
     insert into ruawatch.analysis_work (domain, source)
     select d.domain, ''
       from (select distinct domain from delta where trust <> 'pending') d
      where (d.domain in (select domain from own)) is true
      order by 1`,
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

/** The published policy in the spelling of a DMARC record, absent tags left out. */
export function policyText(policy: PolicyPublished): string {
  const tags: [string, string | null][] = [
    ['p', policy.p],
    ['sp', policy.sp],
    ['np', policy.np],
    ['adkim', policy.adkim],
    ['aspf', policy.aspf],
    ['pct', percentOf(policy)?.toString() ?? null],
    ['t', policy.testing],
  ];
  return tags
    .filter(([, value]) => value !== null && value !== '')
    .map(([tag, value]) => `${tag}=${clipped(value!, 40)}`)
    .join('; ');
}

/** `pct` (RFC 7489 only) where it is a number; anything else is among the report's problems. */
export function percentOf(policy: Pick<PolicyPublished, 'pct'>): number | null {
  return policy.pct !== null && /^\d{1,3}$/.test(policy.pct) ? Number(policy.pct) : null;
}
