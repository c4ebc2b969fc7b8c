import type { Queryable, Tx } from '../../shared/runtime/db.ts';
import { rowsJson } from '../sql-text.ts';

/** A fault of a record. */
export interface StoredFault {
  /** One of `dns check` (services/dns/check/codes.ts). */
  code: string;
  /** The name of the record. */
  name: string;
  /** A sentence. Foreign text in it is as it came. */
  message: string;
  /** The part of the record that is meant. */
  text: string | null;
  /** The value to publish instead; null when that is for the owner to decide. */
  publish: string | null;
  /** Absent: written by an older version. */
  severity?: string;
  /** ISO 8601: the first round that found it. */
  since: string;
}

/** The newest check of a domain's records. */
export interface StoredCheck {
  checked_at: Date;
  findings: readonly StoredFault[];
  /** Null when the record could not be read. */
  spf_lookups: number | null;
  spf_voids: number | null;
  /** The term of the record at which the tenth lookup is exceeded; null when it is not. */
  spf_over: string | null;
  /**
   * What the posture rests on, as dns/posture/records.ts reads it; null or absent: written by an older
   * version.
   */
  records?: unknown;
  /** The id of the MTA-STS record, and the digest of the policy when that id was first seen. */
  sts_id?: string | null;
  sts_digest?: string | null;
  /** When reports were last read for it; null or absent: never. */
  seen_at?: Date | null;
}

/** Null when the domain was not checked. */
export async function loadCheck(q: Queryable, domain: string): Promise<StoredCheck | null> {
  const { rows } = await q.query<StoredCheck>(
    `select checked_at, findings, spf_lookups, spf_voids, spf_over, records, sts_id, sts_digest, seen_at
       from ruawatch.dns_checks where domain = $1`,
    [domain],
  );
  return rows[0] ?? null;
}

export async function saveCheck(tx: Tx, domain: string, check: StoredCheck): Promise<void> {
  await tx.query(
    `insert into ruawatch.dns_checks (domain, checked_at, findings, spf_lookups, spf_voids, spf_over, records, sts_id, sts_digest, seen_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     on conflict (domain) do update set checked_at = excluded.checked_at, findings = excluded.findings, spf_lookups = excluded.spf_lookups,
       spf_voids = excluded.spf_voids, spf_over = excluded.spf_over, records = excluded.records,
       sts_id = excluded.sts_id, sts_digest = excluded.sts_digest, seen_at = excluded.seen_at`,
    [
      domain,
      check.checked_at,
      rowsJson(check.findings),
      check.spf_lookups,
      check.spf_voids,
      check.spf_over,
      check.records ? rowsJson(check.records) : null,
      check.sts_id ?? null,
      check.sts_digest ?? null,
      check.seen_at ?? null,
    ],
  );
}
