import type { AggregateReport, PolicyPublished } from '../../report/model.ts';
import { isKnown, type Reporter } from '../../report/reporters/reporters.ts';
import type { Queryable, Tx } from '../../shared/runtime/db.ts';
import { lockIdentities } from '../locks.ts';
import { type Allowance, allowanceOf } from '../rollups/allowance.ts';
import { isoSeconds, KEY_LENGTH, plain } from './copy-records.ts';

/** A report about to be stored. `key` was taken from the sequence, so that its records can be copied before its row exists. */
export interface NewReport {
  key: number;
  message_key: number;
  part: number;
  received_at: Date;
  report: AggregateReport;
  /** Null: its mail is to be verified. */
  trust: Trust | null;
  /** Whom it is kept under: what `trust` says, else whom it claims to be. */
  reporter: Reporter;
}

/** Whether a report counts for the analyzer: it does, it waits to be verified, it does not. */
export type TrustClass = 'ok' | 'pending' | 'bad';

export type ReporterTrust = 'authenticated' | 'unauthenticated' | 'mismatched';

/** What is known of a report's origin. */
export interface Trust {
  /** Null: it was not to be verified. */
  reporter_trust: ReporterTrust | null;
  trust: Exclude<TrustClass, 'pending'>;
  /** The domain of the mail's From field. */
  domain: string | null;
  reason: string;
  reporter: Reporter;
}

export const classOf = (trust: Trust | null): TrustClass => trust?.trust ?? 'pending';

/** A verdict's texts as their columns take them. */
export function trustTexts({ reason, domain }: Trust): { trust_reason: string; trust_domain: string | null } {
  return { trust_reason: plain(reason).slice(0, 500), trust_domain: domain === null ? null : plain(domain).slice(0, 255) };
}

export type Outcome = 'stored' | 'duplicate' | 'superseding' | 'superseded';

/** What decides which of several reports of one identity stands. */
export interface Ranked {
  key: number;
  identity: string;
  content_hash: string;
  salvaged: boolean;
  trust: TrustClass;
  /** The key it is kept under: who it is proven to be from, or claims to be. */
  reporter: string;
  /** Milliseconds. */
  received: number;
  messages: number;
}

/** What storing a batch of reports decided. */
export interface Decision {
  outcomes: Map<number, Outcome>;
  /** The new reports whose records must be written (all but the duplicates). */
  kept: NewReport[];
  /** Report keys that enter (+1) and leave (-1) the rollups. */
  signs: Map<number, 1 | -1>;
  /** Messages that are to be verified. */
  unverified: Set<number>;
  /** What each new report may have in the rollups by name. */
  allowances: Map<number, Allowance>;
}

/** Takes `n` report keys from the sequence. */
export async function takeReportKeys(db: Queryable, n: number): Promise<number[]> {
  const { rows } = await db.query<{ key: number }>(
    // The sequence is looked up once, not for every row.
    `with s as materialized (select pg_get_serial_sequence('ruawatch.reports', 'report_key')::regclass as sequence)
     select nextval(sequence) as key from s, generate_series(1, $1)`,
    [n],
  );
  return rows.map((r) => r.key);
}

/**
 * Decides which reports of a batch stand, and writes their rows.
 *
 * Same identity and same content: a duplicate, counted on the first; what it tells is as old as the first mail that told it, in
 * whatever order the mails are worked. Same identity, other content: one stands, the others are kept as superseded. Which one does not
 * depend on the order either: see outranks. What is verified later is ranked again then (store/reports/trust-checks.ts). A copy of a report that is
 * not trusted (yet), or proven to be from another address of a known reporter's organization, may prove more: its mail is to be verified as well, in the order in which mails are, whatever is known of it by now.
 */
export async function storeReports(tx: Tx, incoming: readonly NewReport[]): Promise<Decision> {
  const identities = [...new Set(incoming.map((r) => r.report.identity))];
  await lockIdentities(tx, identities);
  const { rows: known } = await tx.query<
    Omit<Ranked, 'received'> & { received_at: Date; superseded_by: number | null; gone: boolean }
  >(
    `select report_key as key, encode(identity, 'hex') as identity, encode(content_hash, 'hex') as content_hash, salvaged, received_at,
            messages, superseded_by, trust, reporter, ${gone('p', '$2', '$3')} as gone
       from ruawatch.reports p
      where identity = any(select decode(i, 'hex') from unnest($1::text[]) i)`,
    // The begin is part of the identity.
    [identities, ...beginRange(incoming.map((r) => r.report))],
  );
  const byContent = new Map<string, Ranked>();
  const before = new Map<number, number | null>();
  for (const row of known) {
    byContent.set(contentKey(row), { ...row, received: row.received_at.getTime() });
    before.set(row.key, row.superseded_by);
  }

  const outcomes = new Map<number, Outcome>();
  const duplicates = new Map<number, number>();
  const older = new Set<Ranked>();
  const checks: { message_key: number; report_key: number }[] = [];
  const kept: NewReport[] = [];
  for (const item of incoming) {
    const { report } = item;
    const received = item.received_at.getTime();
    const twin = byContent.get(contentKey(report));
    if (twin !== undefined) {
      outcomes.set(item.key, 'duplicate');
      duplicates.set(twin.key, (duplicates.get(twin.key) ?? 0) + 1);
      if (twin.trust !== 'ok' || (isKnown(reporterKey(item.reporter)) && !isKnown(twin.reporter)))
        checks.push({ message_key: item.message_key, report_key: twin.key });
      if (received < twin.received) {
        twin.received = received;
        older.add(twin);
      }
      continue;
    }
    if (item.trust === null) checks.push({ message_key: item.message_key, report_key: item.key });
    byContent.set(contentKey(report), {
      ...report,
      key: item.key,
      received,
      trust: classOf(item.trust),
      reporter: reporterKey(item.reporter),
    });
    kept.push(item);
  }

  // What was dropped cannot be taken out of the sums, nor put into them: where it stood or stood aside, all stays as it is.
  const standing: Map<string, Ranked> = standingOfGone(known.map((row) => ({ ...row, received: row.received_at.getTime() })));
  const settled = new Set(standing.keys());
  for (const row of byContent.values()) {
    if (settled.has(row.identity)) continue;
    const other = standing.get(row.identity);
    if (!other || outranks(row, other)) standing.set(row.identity, row);
  }
  const signs = new Map<number, 1 | -1>();
  const supersededBy = new Map<number, number>();
  const raised: number[] = [];
  for (const row of byContent.values()) {
    const first = standing.get(row.identity)!;
    const stood = before.get(row.key) === null;
    if (row.key === first.key) {
      if (!stood) signs.set(row.key, 1);
      if (!stood && before.has(row.key)) raised.push(row.key);
    } else {
      if (stood) signs.set(row.key, -1);
      if (stood || !before.has(row.key)) supersededBy.set(row.key, first.key);
    }
  }
  const met = new Set(known.map((row) => row.identity));
  for (const { key, report } of kept) {
    outcomes.set(key, !met.has(report.identity) ? 'stored' : supersededBy.has(key) ? 'superseded' : 'superseding');
    met.add(report.identity);
  }

  // The old ones step aside first: only one of an identity may stand at any moment.
  const oldOnes = [...supersededBy].filter(([key]) => before.has(key));
  await writeStanding(tx, oldOnes);
  await writeStanding(
    tx,
    raised.map((key) => [key, null]),
  );
  const together = new Map<number, number>();
  for (const { message_key } of incoming) together.set(message_key, (together.get(message_key) ?? 0) + 1);
  const allowances = new Map(
    kept.map(({ key, message_key, trust }) => [
      key,
      allowanceOf(together.get(message_key)!, trust?.trust === 'ok' && trust.reporter_trust === null),
    ]),
  );
  await insertReports(tx, kept, supersededBy, byContent, allowances);
  const told = [...older].filter(({ key }) => before.has(key));
  if (told.length > 0) {
    await tx.query(
      `update ruawatch.reports r set received_at = o.at from unnest($1::bigint[], $2::timestamptz[]) as o(key, at) where r.report_key = o.key`,
      [told.map(({ key }) => key), told.map(({ received }) => new Date(received).toISOString())],
    );
  }
  if (duplicates.size > 0) {
    await tx.query(
      `update ruawatch.reports r set duplicates = r.duplicates + d.n from unnest($1::bigint[], $2::bigint[]) as d(key, n) where r.report_key = d.key`,
      [[...duplicates.keys()], [...duplicates.values()]],
    );
  }
  if (checks.length > 0) {
    await tx.query(
      `insert into ruawatch.trust_checks (message_key, report_key) select * from unnest($1::bigint[], $2::bigint[]) on conflict do nothing`,
      [checks.map((c) => c.message_key), checks.map((c) => c.report_key)],
    );
  }
  return { outcomes, kept, signs, unverified: new Set(checks.map((c) => c.message_key)), allowances };
}

/**
 * Whether a report's records were dropped, as an expression of SQL over the report `p`. Once looked, it stays so until the transaction
 * ends: dropping them needs the table for itself.
 * @param from,to the parameters that beginRange gives: only their months are looked at
 */
export function gone(p: string, from: string, to: string): string {
  return `(${p}.records > 0 and not exists (
            select from ruawatch.records c
             where c.report_key = ${p}.report_key and c.begin_at = ${p}.begin_at and c.begin_at between ${from} and ${to}))`;
}

/** From the first to the last begin: a range that Postgres knows when it plans, so that it leaves all other months out. */
export function beginRange(reports: readonly { begin: number }[]): [from: string, to: string] {
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { begin } of reports) {
    from = Math.min(from, begin);
    to = Math.max(to, begin);
  }
  return reports.length === 0 ? ['infinity', '-infinity'] : [isoSeconds(from), isoSeconds(to)];
}

/** The report that stands, of each identity with one whose records were dropped. */
export function standingOfGone<R extends { identity: string; superseded_by: number | null; gone: boolean }>(
  rows: readonly R[],
): Map<string, R> {
  const identities = new Set(rows.filter((row) => row.gone).map((row) => row.identity));
  return new Map(
    rows.filter((row) => row.superseded_by === null && identities.has(row.identity)).map((row) => [row.identity, row]),
  );
}

async function writeStanding(tx: Tx, rows: readonly (readonly [key: number, by: number | null])[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `update ruawatch.reports r set superseded_by = s.by from unnest($1::bigint[], $2::bigint[]) as s(key, by) where r.report_key = s.key`,
    [rows.map(([key]) => key), rows.map(([, by]) => by)],
  );
}

function contentKey(r: { identity: string; content_hash: string; salvaged: boolean }): string {
  return `${r.identity} ${r.content_hash} ${r.salvaged}`;
}

const TRUST_RANK: Record<TrustClass, number> = { ok: 2, pending: 1, bad: 0 };

/**
 * Whether `a` stands before `b` of the same identity: the trusted before what is not proven, so that nobody can push an authentic report
 * aside; of the trusted those that a known reporter wrote from its own address; then the intact before the salvaged, the one whose mail came later, the larger, the greater hash.
 */
export function outranks(a: Ranked, b: Ranked): boolean {
  if (a.trust !== b.trust) return TRUST_RANK[a.trust] > TRUST_RANK[b.trust];
  // Whoever has another address at a known reporter's organization may know the identity of its reports.
  if (a.trust === 'ok' && isKnown(a.reporter) !== isKnown(b.reporter)) return isKnown(a.reporter);
  if (a.salvaged !== b.salvaged) return b.salvaged;
  if (a.received !== b.received) return a.received > b.received;
  if (a.messages !== b.messages) return a.messages > b.messages;
  return a.content_hash > b.content_hash;
}

async function insertReports(
  tx: Tx,
  items: readonly NewReport[],
  supersededBy: ReadonlyMap<number, number>,
  ranked: ReadonlyMap<string, Ranked>,
  allowances: ReadonlyMap<number, Allowance>,
): Promise<void> {
  if (items.length === 0) return;
  const rows = items.map((item) => {
    const { key, message_key, part, report, trust, reporter } = item;
    const allowance = allowances.get(key)!;
    return {
      report_key: key,
      message_key,
      part,
      identity: report.identity,
      content_hash: report.content_hash,
      superseded_by: supersededBy.get(key) ?? null,
      org_name: report.org_name,
      org_email: report.org_email,
      extra_contact_info: report.extra_contact_info,
      reporter: reporterKey(reporter),
      report_id: report.report_id,
      domain: report.domain.slice(0, KEY_LENGTH),
      begin_at: isoSeconds(report.begin),
      end_at: isoSeconds(report.end),
      policy_p: report.policy.p,
      policy_sp: report.policy.sp,
      policy_np: report.policy.np,
      policy_pct: percentOf(report.policy),
      policy_fo: report.policy.fo,
      policy_testing: report.policy.testing,
      adkim: report.policy.adkim,
      aspf: report.policy.aspf,
      discovery_method: report.policy.discovery_method,
      version: report.version,
      generator: report.generator,
      errors: report.errors,
      records: report.records,
      messages: report.messages,
      salvaged: report.salvaged,
      problems: report.problems,
      received_at: new Date(ranked.get(contentKey(report))!.received).toISOString(),
      trust: classOf(trust),
      reporter_trust: trust?.reporter_trust ?? null,
      ...(trust === null ? { trust_reason: null, trust_domain: null } : trustTexts(trust)),
      allowance_proven: allowance.proven,
      allowance_unproven: allowance.unproven,
    };
  });
  await tx.query(
    `insert into ruawatch.reports (report_key, message_key, part, identity, content_hash, superseded_by, org_name, org_email,
            extra_contact_info, reporter, report_id, domain, begin_at, end_at, policy_p, policy_sp, policy_np, policy_pct, policy_fo,
            policy_testing, adkim, aspf, discovery_method, version, generator, errors, records, messages, salvaged, problems, received_at, trust,
            reporter_trust, trust_reason, trust_domain, allowance_proven, allowance_unproven)
     select report_key, message_key, part, decode(identity, 'hex'), decode(content_hash, 'hex'), superseded_by, org_name, org_email,
            extra_contact_info, reporter, report_id, domain, begin_at, end_at, policy_p, policy_sp, policy_np, policy_pct, policy_fo,
            policy_testing, adkim, aspf, discovery_method, version, generator, errors, records, messages, salvaged, problems, received_at, trust,
            reporter_trust, trust_reason, trust_domain, allowance_proven, allowance_unproven
       from jsonb_to_recordset($1::jsonb) as r(report_key bigint, message_key bigint, part integer, identity text, content_hash text,
            superseded_by bigint, org_name text, org_email text, extra_contact_info text, reporter text, report_id text, domain text,
            begin_at timestamptz, end_at timestamptz, policy_p text, policy_sp text, policy_np text, policy_pct integer, policy_fo text,
            policy_testing text, adkim text, aspf text, discovery_method text, version text, generator text, errors jsonb, records bigint,
            messages bigint, salvaged boolean, problems jsonb, received_at timestamptz,
            trust text, reporter_trust text, trust_reason text, trust_domain text, allowance_proven integer, allowance_unproven integer)`,
    [storableJson(rows)],
  );
}

/** JSON without what Postgres text cannot hold: JSON.stringify writes a NUL and a lone surrogate as an escape, which is rare, and found at once. */
function storableJson(rows: unknown): string {
  const json = JSON.stringify(rows);
  if (!/\\u(?:0000|d[89a-f])/.test(json)) return json;
  return JSON.stringify(rows, (_, v) => (typeof v === 'string' ? plain(v) : v));
}

/** A reporter's key as its columns take it. */
export const reporterKey = ({ key }: Reporter): string => plain(key).slice(0, KEY_LENGTH);

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
    .map(([tag, value]) => `${tag}=${plain(value!).slice(0, 40)}`)
    .join('; ');
}

/** `pct` (RFC 7489 only) where it is a number; anything else is among the report's problems. */
function percentOf(policy: Pick<PolicyPublished, 'pct'>): number | null {
  return policy.pct !== null && /^\d{1,3}$/.test(policy.pct) ? Number(policy.pct) : null;
}

/** Removes records that were copied before their report turned out to be a duplicate or unreadable. */
export async function dropRecords(tx: Tx, keys: readonly number[]): Promise<void> {
  if (keys.length > 0) await tx.query('delete from ruawatch.records where report_key = any($1::bigint[])', [keys]);
}
