import type { Db, Queryable, Tx } from '../../shared/runtime/db.ts';
import { rowsJson } from '../sql-text.ts';

/** Where a record, or an environment, is not as mail-guard.yaml declares. */
export interface StoredDrift {
  environment: string;
  /** The declared domain: the own domain, or one below it. */
  domain: string;
  /** The name of the record. */
  name: string;
  /** One of `guard check` (services/dns/guard/codes.ts). */
  code: string;
  /** A sentence. Foreign text in it is as it came. */
  message: string;
  wanted: string | null;
  published: string | null;
  /** The value to publish; null when that is for the owner to decide. */
  publish: string | null;
  /** Of environments that differ: in which aspect, from which, and what only either has. */
  differs: {
    aspect: string;
    environment: string;
    domain: string;
    missing: readonly string[];
    extra: readonly string[];
  } | null;
  /** ISO 8601: the first round that found it. */
  since: string;
}

/** The newest comparison of an own domain with mail-guard.yaml. */
export interface StoredDrifts {
  checked_at: Date;
  drifts: readonly StoredDrift[];
}

/** Null when the file declares nothing of the domain. */
export async function loadDrifts(q: Queryable, domain: string): Promise<StoredDrifts | null> {
  const { rows } = await q.query<StoredDrifts>('select checked_at, drifts from ruawatch.dns_drifts where domain = $1', [domain]);
  return rows[0] ?? null;
}

/** @param drifts null when the file declares nothing of the domain any more */
export async function saveDrifts(tx: Tx, domain: string, drifts: StoredDrifts | null): Promise<void> {
  if (drifts === null) {
    await tx.query('delete from ruawatch.dns_drifts where domain = $1', [domain]);
    return;
  }
  await tx.query(
    `insert into ruawatch.dns_drifts (domain, checked_at, drifts) values ($1, $2, $3)
     on conflict (domain) do update set checked_at = excluded.checked_at, drifts = excluded.drifts`,
    [domain, drifts.checked_at, rowsJson(drifts.drifts)],
  );
}

/** Those of the names that are watched. */
export async function watchedAmong(db: Db, names: readonly string[]): Promise<Set<string>> {
  const { rows } = await db.query<{ domain: string }>('select domain from ruawatch.dns_watch where domain = any($1::text[])', [
    names,
  ]);
  return new Set(rows.map(({ domain }) => domain));
}

/** Lets the watcher ask about domains at once. */
export async function dueNow(db: Db, names: readonly string[], now: Date): Promise<void> {
  await db.query('update ruawatch.dns_watch set due_at = $2 where domain = any($1::text[]) and due_at > $2', [names, now]);
}
