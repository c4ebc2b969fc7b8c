import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { lockIdentities } from '../locks.ts';
import { clipped } from '../sql-text.ts';
import { FAILURE_REPORTS, type ReportTable, rankVersions, TLS_REPORTS, writeSuperseded } from './supersession.ts';
import { loadTlsVersions, outranksTls } from './tls-reports.ts';
import { type Trust, trustTexts } from './trust.ts';
import type { Check } from './trust-checks.ts';

/*
 * The verification of TLS and failure reports, as trust-checks.ts is that of aggregate reports. No total
 * rests on them: a verdict is written on the report, and of a TLS report it may change which version is
 * current.
 */

/** Which reports: `tls` (RFC 8460) or `failure` (RFC 9991). */
export type OtherKind = 'tls' | 'failure';

const TABLES: Record<OtherKind, ReportTable & { identity: string }> = {
  tls: { ...TLS_REPORTS, identity: 'identity' },
  failure: { ...FAILURE_REPORTS, identity: 'content_hash' },
};
const KINDS = Object.keys(TABLES) as OtherKind[];

/** A report of a mail, stored before or just now. */
export interface StoredOther {
  message_key: number;
  /** Hexadecimal. */
  identity: string;
  content_hash: string;
}

const stored = (kind: OtherKind) =>
  `select g.message_key, r.${TABLES[kind].key} as key
     from unnest($1::bigint[], $2::text[], $3::text[]) as g(message_key, identity, hash)
     join ${TABLES[kind].name} r on r.${TABLES[kind].identity} = decode(g.identity, 'hex') and r.content_hash = decode(g.hash, 'hex')`;

const columnsOf = (items: readonly StoredOther[]) => [
  items.map((item) => item.message_key),
  items.map((item) => item.identity),
  items.map((item) => item.content_hash),
];

/** Opens the checks of reports that their mails may prove. @returns the messages with at least one */
export async function openOtherChecks(tx: Tx, kind: OtherKind, items: readonly StoredOther[]): Promise<Set<number>> {
  if (items.length === 0) return new Set();
  const { rows } = await tx.query<{ message_key: number }>(
    `with s as (${stored(kind)})
     insert into ruawatch.other_checks (message_key, kind, report_key)
     select s.message_key, '${kind}', s.key from s join ${TABLES[kind].name} r on r.${TABLES[kind].key} = s.key
      where r.reporter_trust is distinct from 'authenticated'
     on conflict do nothing returning message_key`,
    columnsOf(items),
  );
  return new Set(rows.map((row) => row.message_key));
}

/** Settles reports that are not to be verified, or that no mail can prove. */
export async function settleUnchecked(
  tx: Tx,
  kind: OtherKind,
  items: readonly StoredOther[],
  verdict: Pick<Trust, 'reporter_trust' | 'trust' | 'reason'>,
): Promise<void> {
  if (items.length === 0) return;
  const { name, key } = TABLES[kind];
  await tx.query(
    `with s as (${stored(kind)})
     update ${name} r set reporter_trust = $4, trust = $5, trust_reason = $6 from s
      where r.${key} = s.key and r.trust <> 'ok' and not exists (select from ruawatch.other_checks c where c.kind = '${kind}' and c.report_key = r.${key})`,
    [...columnsOf(items), verdict.reporter_trust, verdict.trust, clipped(verdict.reason, 500)],
  );
}

/** A report that waits for the verification of one of its mails. */
export interface OtherCheck extends Check {
  kind: OtherKind;
}

/** The open checks of these messages. A failure report is from the domain in the From field of its mail. */
export async function waitingOthers(q: Queryable, keys: readonly number[]): Promise<OtherCheck[]> {
  const { rows } = await q.query<OtherCheck>(
    `select c.message_key, c.kind, c.report_key, c.attempts, m.mailbox, m.received_at, m.stored_at, m.size,
            case when c.kind = 'tls' then t.org_name else f.reporter end as org_name, t.contact_info as org_email
       from ruawatch.other_checks c
       join ruawatch.messages m using (message_key)
       left join ruawatch.tls_reports t on c.kind = 'tls' and t.tls_report_key = c.report_key
       left join ruawatch.failure_reports f on c.kind = 'failure' and f.failure_key = c.report_key
      where c.message_key = any($1::bigint[])
      order by c.message_key, c.kind, c.report_key`,
    [keys],
  );
  return rows;
}

/** As takeDueChecks of trust-checks.ts. */
export async function takeDueOthers(db: Db, seconds: number, limit: number): Promise<number[]> {
  const { rows } = await db.query<{ message_key: number }>(
    `with due as (
       select message_key, kind, report_key from ruawatch.other_checks where due_at < now() order by due_at limit $2
          for update skip locked)
     update ruawatch.other_checks c set due_at = now() + make_interval(secs => $1)
       from due where (c.message_key, c.kind, c.report_key) = (due.message_key, due.kind, due.report_key)
     returning c.message_key`,
    [seconds, limit],
  );
  return [...new Set(rows.map((row) => row.message_key))].sort((a, b) => a - b);
}

/** Postpones checks after an attempt without a result. */
export async function deferOthers(db: Db, checks: readonly OtherCheck[], seconds: number): Promise<void> {
  await db.query(
    `update ruawatch.other_checks c set attempts = attempts + 1, due_at = now() + make_interval(secs => $4)
       from unnest($1::bigint[], $2::text[], $3::bigint[]) as g(message_key, kind, report_key)
      where (c.message_key, c.kind, c.report_key) = (g.message_key, g.kind, g.report_key)`,
    [checks.map((c) => c.message_key), checks.map((c) => c.kind), checks.map((c) => c.report_key), seconds],
  );
}

/**
 * Writes verdicts, and which versions of TLS reports are current by them. One proven mail is enough: a report
 * that came twice has the verdict of its better mail, and stays pending while another of its mails may prove
 * it.
 */
export async function settleOthers(db: Db, verdicts: readonly { check: OtherCheck; verdict: Trust }[]): Promise<void> {
  if (verdicts.length === 0) return;
  await transaction(db, async (tx) => {
    for (const kind of KINDS) {
      const own = verdicts.filter(({ check }) => check.kind === kind);
      if (own.length > 0) await settleKind(tx, kind, own);
    }
  });
}

async function settleKind(tx: Tx, kind: OtherKind, verdicts: readonly { check: OtherCheck; verdict: Trust }[]): Promise<void> {
  const { name, key, identity } = TABLES[kind];
  const keys = verdicts.map(({ check }) => check.report_key);
  const { rows } = await tx.query<{ identity: string }>(
    `select distinct encode(${identity}, 'hex') as identity from ${name} where ${key} = any($1::bigint[])`,
    [keys],
  );
  const identities = rows.map((row) => row.identity);
  await lockIdentities(tx, identities);
  await tx.query(
    `delete from ruawatch.other_checks c using unnest($1::bigint[], $2::bigint[]) as g(message_key, report_key)
      where c.kind = '${kind}' and c.message_key = g.message_key and c.report_key = g.report_key`,
    [verdicts.map(({ check }) => check.message_key), keys],
  );
  // The better verdict of two is written last, and no other takes its place.
  const ordered = [...verdicts].sort((a, b) => Number(a.verdict.trust === 'ok') - Number(b.verdict.trust === 'ok'));
  for (const { check, verdict } of ordered) {
    const { trust_reason, trust_domain } = trustTexts(verdict);
    await tx.query(
      `update ${name} r set reporter_trust = $2, trust = $3, trust_reason = $4, trust_domain = $5
        where r.${key} = $1 and r.reporter_trust is distinct from 'authenticated'
          and ($3 = 'ok' or not exists (select from ruawatch.other_checks c where c.kind = '${kind}' and c.report_key = $1))`,
      [check.report_key, verdict.reporter_trust, verdict.trust, trust_reason, trust_domain],
    );
  }
  if (kind !== 'tls') return;
  const versions = await loadTlsVersions(tx, identities);
  await writeSuperseded(tx, TLS_REPORTS, versions, rankVersions(versions, outranksTls));
}

/** As reopenChecks of trust-checks.ts. @returns the messages that are to be verified */
export async function reopenOthers(db: Db, mailbox: string, { unproven }: { unproven: boolean }): Promise<number[]> {
  const keys = new Set<number>();
  for (const kind of KINDS) {
    const { name, key } = TABLES[kind];
    const { rows } = await db.query<{ message_key: number }>(
      `with due as (
         select m.message_key, r.${key} as report_key
           from ${name} r join ruawatch.messages m using (message_key)
          where (r.trust = 'pending' or (r.trust = 'ok' and r.reporter_trust is null) or ($2 and r.trust = 'bad'))
            and m.mailbox <> $1 and m.raw_gone_at is null),
       opened as (
         insert into ruawatch.other_checks (message_key, kind, report_key) select message_key, '${kind}', report_key from due
         on conflict (message_key, kind, report_key) do update set due_at = now() + interval '1 minute')
       select distinct message_key from due order by message_key`,
      [mailbox, unproven],
    );
    for (const row of rows) keys.add(row.message_key);
  }
  return [...keys].sort((a, b) => a - b);
}
