import { isKnown } from '../../report/reporters/reporters.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import { lockIdentities } from '../locks.ts';
import { type ReportSize, SIZE_SQL } from '../rollups/allowance.ts';
import { beginRange } from '../schema/partitions.ts';
import type { Version } from './supersession.ts';
import type { TrustClass } from './trust.ts';

/** An aggregate report as far as it is ranked among the versions of its identity. */
export interface ReportVersion extends Version {
  salvaged: boolean;
  trust: TrustClass;
  /** The key that it is counted under: the reporter that is proven, or else claimed. */
  reporter: string;
  messages: number;
}

/** One that is stored. */
export interface StoredVersion extends ReportVersion {
  superseded_by: number | null;
  /** Its mail was verified, or waits for that; false: it counts as it came. */
  verified: boolean;
  gone: boolean;
  domain: string;
  /** The report's day in UTC, YYYY-MM-DD. */
  day: string;
  /** Seconds since the epoch. */
  begin: number;
  size: ReportSize;
}

const TRUST_RANK: Record<TrustClass, number> = { ok: 2, pending: 1, bad: 0 };

/**
 * Whether `a` ranks before `b` of the same identity. A trusted report ranks before one that is not proven, so
 * that nobody can supersede an authentic report; among the trusted, a known reporter's own before others.
 * Then the intact before the salvaged, the one whose mail came later, the larger, the greater hash.
 */
export function outranks(a: ReportVersion, b: ReportVersion): boolean {
  if (a.trust !== b.trust) return TRUST_RANK[a.trust] > TRUST_RANK[b.trust];
  // Whoever has another address at a known reporter's organization may know the identity of its reports.
  if (a.trust === 'ok' && isKnown(a.reporter) !== isKnown(b.reporter)) return isKnown(a.reporter);
  if (a.salvaged !== b.salvaged) return b.salvaged;
  if (a.received !== b.received) return a.received > b.received;
  if (a.messages !== b.messages) return a.messages > b.messages;
  return a.content_hash > b.content_hash;
}

/**
 * Locks identities of aggregate reports until the transaction ends, and loads all their stored versions.
 * @param reports reports of these identities. The begin is part of the identity, so only their months are
 * searched for records
 */
export async function lockVersions(tx: Tx, reports: readonly { identity: string; begin: number }[]): Promise<StoredVersion[]> {
  const identities = [...new Set(reports.map(({ identity }) => identity))];
  await lockIdentities(tx, identities);
  const { rows } = await tx.query<StoredVersion & { received_at: Date }>(
    `select report_key as key, encode(identity, 'hex') as identity, encode(content_hash, 'hex') as content_hash, salvaged, received_at,
            messages, superseded_by, trust, trust <> 'ok' or reporter_trust is not null as verified, reporter, domain, (begin_at at time zone 'UTC')::date as day,
            extract(epoch from begin_at)::float8 as begin, ${SIZE_SQL} as size, ${goneSql('p', '$2', '$3')} as gone
       from ruawatch.reports p
      where identity = any(select decode(i, 'hex') from unnest($1::text[]) i)`,
    [identities, ...beginRange(reports)],
  );
  return rows.map(({ received_at, ...row }) => ({ ...row, received: received_at.getTime() }));
}

/**
 * SQL: whether the records of report `p` were dropped. The answer holds until the transaction ends, since
 * dropping them needs an exclusive lock on the table.
 * @param from,to the parameters that beginRange gives: only their months are searched
 */
const goneSql = (p: string, from: string, to: string) => `(${p}.records > 0 and not exists (
            select from ruawatch.records c
             where c.report_key = ${p}.report_key and c.begin_at = ${p}.begin_at and c.begin_at between ${from} and ${to}))`;
