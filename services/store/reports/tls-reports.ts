import type { TlsReport } from '../../report/model.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import { lockIdentities } from '../locks.ts';
import { KEY_LENGTH, plain } from './copy-records.ts';

/** A TLS report about to be stored. */
export interface NewTlsReport {
  message_key: number;
  part: number;
  received_at: Date;
  report: TlsReport;
}

interface Standing {
  /** Null until it has a row. */
  key: number | null;
  identity: string;
  content_hash: string;
  /** When the first mail that told it was received, in milliseconds. */
  received: number;
  item: NewTlsReport | null;
  /** Whether it stood before this batch; false for what is new. */
  stood: boolean;
}

/**
 * Writes the TLS reports of a batch. Identity and duplicates are as with aggregate reports: the same identity with the same content is
 * counted on the first, and is as old as the first mail that told it; of different contents the newest stands, and of two at once the
 * greater hash, in whatever order they were worked.
 */
export async function storeTlsReports(tx: Tx, incoming: readonly NewTlsReport[]): Promise<void> {
  if (incoming.length === 0) return;
  const identities = [...new Set(incoming.map(({ report }) => report.identity))];
  // One at a time an identity, in one order everywhere: two workers with the same report wait for each other and never deadlock.
  await lockIdentities(tx, identities);
  const { rows: known } = await tx.query<{
    key: number;
    identity: string;
    content_hash: string;
    received_at: Date;
    superseded_by: number | null;
  }>(
    `select tls_report_key as key, encode(identity, 'hex') as identity, encode(content_hash, 'hex') as content_hash, received_at, superseded_by
       from ruawatch.tls_reports
      where identity = any(select decode(i, 'hex') from unnest($1::text[]) i)`,
    [identities],
  );
  const byContent = new Map<string, Standing>();
  for (const { superseded_by, received_at, ...row } of known) {
    const one = { ...row, received: received_at.getTime(), item: null, stood: superseded_by === null };
    byContent.set(`${row.identity} ${row.content_hash}`, one);
  }
  const kept: Standing[] = [];
  const repeated = new Map<Standing, number>();
  const older = new Set<Standing>();
  for (const item of incoming) {
    const { identity, content_hash } = item.report;
    const received = item.received_at.getTime();
    const twin = byContent.get(`${identity} ${content_hash}`);
    if (twin !== undefined) {
      repeated.set(twin, (repeated.get(twin) ?? 0) + 1);
      if (received < twin.received) {
        twin.received = received;
        if (twin.item === null) older.add(twin);
      }
      continue;
    }
    const mine: Standing = { key: null, identity, content_hash, received, item, stood: false };
    byContent.set(`${identity} ${content_hash}`, mine);
    kept.push(mine);
  }
  const standing = new Map<string, Standing>();
  for (const one of byContent.values()) {
    const other = standing.get(one.identity);
    if (other === undefined || outranks(one, other)) standing.set(one.identity, one);
  }
  const keys = await takeKeys(tx, kept.length);
  for (const [i, one] of kept.entries()) one.key = keys[i] as number;
  // The old ones step aside first: only one of an identity may stand at any moment.
  const old = [...byContent.values()].filter(({ item }) => item === null);
  await place(
    tx,
    old.filter((one) => one.stood && standing.get(one.identity) !== one),
    standing,
  );
  await place(
    tx,
    old.filter((one) => !one.stood && standing.get(one.identity) === one),
    standing,
  );
  await insert(tx, kept, standing);
  if (older.size > 0) {
    await tx.query(
      `update ruawatch.tls_reports r set received_at = o.at from unnest($1::bigint[], $2::timestamptz[]) as o(key, at) where r.tls_report_key = o.key`,
      [[...older].map(({ key }) => key), [...older].map(({ received }) => new Date(received).toISOString())],
    );
  }
  if (repeated.size > 0) {
    await tx.query(
      `update ruawatch.tls_reports r set duplicates = r.duplicates + d.n from unnest($1::bigint[], $2::bigint[]) as d(key, n) where r.tls_report_key = d.key`,
      [[...repeated.keys()].map(({ key }) => key), [...repeated.values()]],
    );
  }
}

function outranks(a: Standing, b: Standing): boolean {
  return a.received === b.received ? a.content_hash > b.content_hash : a.received > b.received;
}

async function takeKeys(tx: Tx, n: number): Promise<number[]> {
  const { rows } = await tx.query<{ key: number }>(
    `with s as materialized (select pg_get_serial_sequence('ruawatch.tls_reports', 'tls_report_key')::regclass as sequence)
     select nextval(sequence) as key from s, generate_series(1, $1)`,
    [n],
  );
  return rows.map((row) => row.key);
}

/** Writes who stands in whose place. */
async function place(tx: Tx, old: readonly Standing[], standing: ReadonlyMap<string, Standing>): Promise<void> {
  if (old.length === 0) return;
  await tx.query(
    `update ruawatch.tls_reports r set superseded_by = s.by from unnest($1::bigint[], $2::bigint[]) as s(key, by) where r.tls_report_key = s.key`,
    [old.map(({ key }) => key), old.map((one) => standingFor(one, standing))],
  );
}

/** Null: it stands itself. */
function standingFor(one: Standing, standing: ReadonlyMap<string, Standing>): number | null {
  const first = standing.get(one.identity);
  return first === one || first === undefined ? null : first.key;
}

async function insert(tx: Tx, kept: readonly Standing[], standing: ReadonlyMap<string, Standing>): Promise<void> {
  if (kept.length === 0) return;
  const reports: unknown[] = [];
  const policies: unknown[] = [];
  const failures: unknown[] = [];
  for (const one of kept) {
    const { message_key, part, report } = one.item as NewTlsReport;
    reports.push({
      key: one.key,
      message_key,
      part,
      identity: one.identity,
      content_hash: one.content_hash,
      superseded_by: standingFor(one, standing),
      org_name: report.org_name,
      contact_info: report.contact_info,
      report_id: report.report_id,
      begin_at: new Date(report.begin * 1000).toISOString(),
      end_at: new Date(report.end * 1000).toISOString(),
      problems: report.problems,
      received_at: new Date(one.received).toISOString(),
    });
    for (const [i, { failures: details, ...policy }] of report.policies.entries()) {
      const policy_domain = policy.policy_domain?.slice(0, KEY_LENGTH) ?? null;
      policies.push({ ...policy, key: one.key, n: i + 1, policy_domain, failures: details.length });
      for (const [j, detail] of details.entries()) failures.push({ ...detail, key: one.key, policy_n: i + 1, n: j + 1 });
    }
  }
  await tx.query(
    `insert into ruawatch.tls_reports (tls_report_key, message_key, part, identity, content_hash, superseded_by, org_name, contact_info,
            report_id, begin_at, end_at, problems, received_at)
     select key, message_key, part, decode(identity, 'hex'), decode(content_hash, 'hex'), superseded_by, org_name, contact_info,
            report_id, begin_at, end_at, problems, received_at
       from jsonb_to_recordset($1::jsonb) as r(key bigint, message_key bigint, part integer, identity text, content_hash text,
            superseded_by bigint, org_name text, contact_info text, report_id text, begin_at timestamptz, end_at timestamptz,
            problems jsonb, received_at timestamptz)`,
    [rowsJson(reports)],
  );
  await tx.query(
    `insert into ruawatch.tls_policies (tls_report_key, n, policy_domain, policy_type, policy_string, mx_host, successful_sessions,
            failed_sessions, failures)
     select key, n, policy_domain, policy_type, policy_string, mx_host, successful_sessions, failed_sessions, failures
       from jsonb_to_recordset($1::jsonb) as r(key bigint, n integer, policy_domain text, policy_type text, policy_string jsonb,
            mx_host jsonb, successful_sessions bigint, failed_sessions bigint, failures integer)`,
    [rowsJson(policies)],
  );
  await tx.query(
    `insert into ruawatch.tls_failures (tls_report_key, policy_n, n, result_type, failed_sessions, sending_mta_ip, receiving_ip,
            receiving_mx_hostname, receiving_mx_helo, failure_reason_code, additional_information)
     select key, policy_n, n, result_type, failed_sessions, sending_mta_ip, receiving_ip, receiving_mx_hostname, receiving_mx_helo,
            failure_reason_code, additional_information
       from jsonb_to_recordset($1::jsonb) as r(key bigint, policy_n integer, n integer, result_type text, failed_sessions bigint,
            sending_mta_ip inet, receiving_ip inet, receiving_mx_hostname text, receiving_mx_helo text, failure_reason_code text,
            additional_information text)`,
    [rowsJson(failures)],
  );
}

/** Rows for jsonb_to_recordset, without what Postgres text cannot hold. */
export function rowsJson(rows: readonly unknown[]): string {
  return JSON.stringify(rows, (_, value: unknown) => (typeof value === 'string' ? plain(value) : value));
}
