import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { lockDomains } from '../locks.ts';
import { storedRange } from '../messages/messages.ts';
import { within } from './domains.ts';

/** Tables whose rows about a domain are deleted with it, by the column that names the domain. */
export const REMOVED: Readonly<Record<string, string>> = {
  analysis_work: 'domain',
  class_changes: 'domain',
  class_days: 'domain',
  dns_checks: 'domain',
  dns_drifts: 'domain',
  dns_questions: 'domain',
  dns_records: 'domain',
  dns_servers: 'domain',
  dns_watch: 'domain',
  domain_days: 'domain',
  domain_reporters: 'domain',
  egress_records: 'domain',
  expectations: 'domain',
  lookalike_lists: 'domain',
  lookalikes: 'domain',
  person_domains: 'domain',
  policy_days: 'domain',
  postures: 'domain',
  reporter_agreement: 'domain',
  selector_days: 'domain',
  sender_list: 'domain',
  sending_day_recipients: 'domain',
  sending_days: 'domain',
  signer_pods: 'domain',
  silences: 'domain',
  source_days: 'domain',
  sources: 'domain',
  subdomain_days: 'domain',
};
/** Tables that hold a domain's reports and findings, which are deleted with what hangs on them. */
export const REMOVED_WITH_MORE = ['failure_reports', 'findings', 'reports'] as const;
/**
 * Tables with a domain that stay: the domain's state, and what people asked, decided and did, which is
 * evidence.
 */
export const KEPT = ['console_acts', 'domains', 'grants', 'held_messages', 'onboardings', 'requests', 'rotations'] as const;

/** Reports that are deleted in one transaction. */
const AT_ONCE = 500;

export interface DomainData {
  reports: number;
  records: number;
  failure_reports: number;
  tls_policies: number;
  findings: number;
  /** Mails whose raw bytes, sender and subject are deleted: all that they brought was about the domain. */
  mails: number;
  /** Rows of totals, DNS history, classes and lists. */
  rows: number;
}

/** What is stored about a domain and the names below it; mails are those that brought some of it. */
export async function countDomainData(q: Queryable, domain: string): Promise<DomainData> {
  const others = Object.entries(REMOVED)
    .map(([table, column]) => `(select count(*) from ruawatch.${table} where ${within(column, '$1')})`)
    .join(' + ');
  const { rows } = await q.query<DomainData>(
    `with theirs as materialized (select report_key, message_key from ruawatch.reports where ${within('domain', '$1')}),
          failed as materialized (select message_key from ruawatch.failure_reports where ${within('domain', '$1')}),
          tls as materialized (
            select tls_report_key, message_key from ruawatch.tls_policies join ruawatch.tls_reports using (tls_report_key)
             where ${within("coalesce(policy_domain, '')", '$1')})
     select (select count(*) from theirs) as reports,
            (select count(*) from ruawatch.records where report_key in (select report_key from theirs)) as records,
            (select count(*) from failed) as failure_reports, (select count(*) from tls) as tls_policies,
            (select count(*) from ruawatch.findings where ${within('domain', '$1')}) as findings,
            (select count(*) from (select message_key from theirs union select message_key from failed
                                   union select message_key from tls) m) as mails,
            ${others} as rows`,
    [domain],
  );
  const counted = rows[0]!;
  return Object.fromEntries(Object.entries(counted).map(([key, n]) => [key, Number(n)])) as unknown as DomainData;
}

/**
 * Deletes all that is stored about a domain and the names below it, some hundred reports in a transaction:
 * when it is ended halfway, another call goes on. Mails that brought reports about other domains too are
 * kept.
 * @param tick called after each transaction
 */
export async function removeDomainData(db: Db, domain: string, tick: () => void = () => undefined): Promise<DomainData> {
  const sum: DomainData = { reports: 0, records: 0, failure_reports: 0, tls_policies: 0, findings: 0, mails: 0, rows: 0 };
  for (const step of [removeReports, removeFailureReports, removeTlsPolicies]) {
    for (let more = true; more; tick()) {
      const part = await transaction(db, (tx) => step(tx, domain));
      for (const [key, n] of Object.entries(part.removed)) sum[key as keyof DomainData] += n;
      more = part.more;
    }
  }
  sum.findings += await transaction(db, (tx) => removeFindings(tx, domain));
  for (const [table, column] of Object.entries(REMOVED)) {
    const { rowCount } = await db.query(`delete from ruawatch.${table} where ${within(column, '$1')}`, [domain]);
    sum.rows += rowCount!;
    tick();
  }
  return sum;
}

interface Part {
  removed: Partial<DomainData>;
  more: boolean;
}

async function removeReports(tx: Tx, domain: string): Promise<Part> {
  const { rows } = await tx.query<{ report_key: number; message_key: number; begin_at: Date }>(
    `delete from ruawatch.reports
      where report_key in (select report_key from ruawatch.reports where ${within('domain', '$1')} order by report_key limit ${AT_ONCE})
     returning report_key, message_key, begin_at`,
    [domain],
  );
  if (rows.length === 0) return { removed: {}, more: false };
  const keys = rows.map(({ report_key }) => report_key);
  const begins = rows.map(({ begin_at }) => begin_at.getTime());
  const { rowCount } = await tx.query(
    'delete from ruawatch.records where report_key = any($1::bigint[]) and begin_at between $2 and $3',
    [keys, new Date(Math.min(...begins)), new Date(Math.max(...begins))],
  );
  await tx.query('delete from ruawatch.trust_checks where report_key = any($1::bigint[])', [keys]);
  const mails = await emptyMails(
    tx,
    rows.map(({ message_key }) => message_key),
  );
  return { removed: { reports: rows.length, records: rowCount!, mails }, more: rows.length === AT_ONCE };
}

async function removeFailureReports(tx: Tx, domain: string): Promise<Part> {
  const { rows } = await tx.query<{ failure_key: number; message_key: number }>(
    `delete from ruawatch.failure_reports
      where failure_key in (
            select failure_key from ruawatch.failure_reports where ${within('domain', '$1')} order by failure_key limit ${AT_ONCE})
     returning failure_key, message_key`,
    [domain],
  );
  await forgetChecks(
    tx,
    'failure',
    rows.map(({ failure_key }) => failure_key),
  );
  const mails = await emptyMails(
    tx,
    rows.map(({ message_key }) => message_key),
  );
  return { removed: { failure_reports: rows.length, mails }, more: rows.length === AT_ONCE };
}

/** A TLS report has policies of several domains; it goes with the last of them. */
async function removeTlsPolicies(tx: Tx, domain: string): Promise<Part> {
  const { rows } = await tx.query<{ tls_report_key: number; n: number }>(
    `delete from ruawatch.tls_policies
      where (tls_report_key, n) in (
            select tls_report_key, n from ruawatch.tls_policies where ${within("coalesce(policy_domain, '')", '$1')}
             order by tls_report_key, n limit ${AT_ONCE})
     returning tls_report_key, n`,
    [domain],
  );
  if (rows.length === 0) return { removed: {}, more: false };
  const keys = rows.map(({ tls_report_key }) => tls_report_key);
  await tx.query(
    `delete from ruawatch.tls_failures f using unnest($1::bigint[], $2::int[]) p (tls_report_key, n)
      where f.tls_report_key = p.tls_report_key and f.policy_n = p.n`,
    [keys, rows.map(({ n }) => n)],
  );
  const { rows: gone } = await tx.query<{ tls_report_key: number; message_key: number }>(
    `delete from ruawatch.tls_reports r
      where tls_report_key = any($1::bigint[])
        and not exists (select from ruawatch.tls_policies p where p.tls_report_key = r.tls_report_key)
     returning tls_report_key, message_key`,
    [keys],
  );
  await forgetChecks(
    tx,
    'tls',
    gone.map(({ tls_report_key }) => tls_report_key),
  );
  const mails = await emptyMails(
    tx,
    gone.map(({ message_key }) => message_key),
  );
  return { removed: { tls_policies: rows.length, mails }, more: rows.length === AT_ONCE };
}

async function forgetChecks(tx: Tx, kind: string, keys: readonly number[]): Promise<void> {
  await tx.query('delete from ruawatch.other_checks where kind = $1 and report_key = any($2::bigint[])', [kind, keys]);
}

/**
 * Deletes the raw bytes, senders and subjects of mails of which nothing is left; their rows stay, so that
 * they are not collected again.
 */
async function emptyMails(tx: Tx, keys: readonly number[]): Promise<number> {
  const { rows } = await tx.query<{ message_key: number; stored_at: Date }>(
    `update ruawatch.messages m set sender = null, subject = null, message_id = null, raw_gone_at = now()
      where message_key = any($1::bigint[]) and raw_gone_at is null and state <> 'received'
        and not exists (select from ruawatch.reports r where r.message_key = m.message_key)
        and not exists (select from ruawatch.failure_reports r where r.message_key = m.message_key)
        and not exists (select from ruawatch.tls_reports r where r.message_key = m.message_key)
     returning message_key, stored_at`,
    [keys],
  );
  if (rows.length === 0) return 0;
  const emptied = rows.map(({ message_key }) => message_key);
  await tx.query('delete from ruawatch.raw where message_key = any($1::bigint[]) and stored_at >= $2 and stored_at < $3', [
    emptied,
    ...storedRange(rows),
  ]);
  await tx.query('delete from ruawatch.personal_mails where message_key = any($1::bigint[])', [emptied]);
  await tx.query(
    `update ruawatch.raw_stock set bytes = null
      where partition in (select to_char(s at time zone 'UTC', '"raw_"YYYY"_"MM') from unnest($1::timestamptz[]) s)`,
    [rows.map(({ stored_at }) => stored_at.toISOString())],
  );
  return rows.length;
}

async function removeFindings(tx: Tx, domain: string): Promise<number> {
  const { rows } = await tx.query<{ finding_key: number; domain: string }>(
    `select finding_key, domain from ruawatch.findings where ${within('domain', '$1')}`,
    [domain],
  );
  // No analysis of them may be running.
  await lockDomains(tx, [...new Set([domain, ...rows.map((row) => row.domain)])].sort());
  const keys = rows.map(({ finding_key }) => finding_key);
  await tx.query('delete from ruawatch.outbox where finding_key = any($1::bigint[])', [keys]);
  await tx.query('delete from ruawatch.finding_events where finding_key = any($1::bigint[])', [keys]);
  await tx.query('delete from ruawatch.finding_acts where finding_key = any($1::bigint[])', [keys]);
  await tx.query('delete from ruawatch.findings where finding_key = any($1::bigint[])', [keys]);
  return keys.length;
}
