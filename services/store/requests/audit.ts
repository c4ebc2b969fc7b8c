import { type Canonical, canonicalJson } from '../../requests/canonical.ts';
import type { Queryable, Tx } from '../../shared/runtime/db.ts';

/** Something that was done, and by whom: one row of the audit chain. */
export interface AuditEntry {
  /** A person's mail address, "playbook NAME", or the name of a service. */
  actor: string;
  /** What was done, such as request.open. */
  verb: string;
  /** What it was done to, such as "request 7". */
  object: string;
  detail: { readonly [key: string]: Canonical | undefined };
}

/** The newest row: its number and hash (hexadecimal), as mails carry it out of the house: "17:ab…". */
export type Head = string;

/** The number of a head's row. */
export const numberOf = (head: Head): number => Number(head.split(':')[0]);

/**
 * Adds a row to the chain. It holds the head until the transaction ends, so it comes last in one: whoever
 * needs another lock after it may wait for somebody who waits for the head.
 */
export async function appendAudit(tx: Tx, { actor, verb, object, detail }: AuditEntry): Promise<Head> {
  const { rows } = await tx.query<{ number: number; hash: string }>('select number, hash from ruawatch.audit_append($1)', [
    canonicalJson({ ...detail, actor, verb, object }),
  ]);
  return `${rows[0]!.number}:${rows[0]!.hash}`;
}

/** The newest row of the chain; "0:00…" before the first. */
export async function auditHead(q: Queryable): Promise<Head> {
  const { rows } = await q.query<{ head: string }>(
    "select number || ':' || encode(hash, 'hex') as head from ruawatch.audit_head",
  );
  return rows[0]!.head;
}

export interface AuditRow {
  number: number;
  at: Date;
  body: string;
  hash: string;
}

/** Rows of the chain, the oldest first. */
export async function listAudit(
  q: Queryable,
  { after = 0, from, to, limit }: { after?: number; from?: Date | null; to?: Date | null; limit: number },
): Promise<AuditRow[]> {
  const { rows } = await q.query<AuditRow>(
    `select number, at, body, hash from dmarc.audit
      where number > $1 and ($2::timestamptz is null or at >= $2) and ($3::timestamptz is null or at < $3) order by number limit $4`,
    [after, from ?? null, to ?? null, limit],
  );
  return rows;
}

/** The newest rows, the newest first. */
export async function newestAudit(q: Queryable, limit: number): Promise<AuditRow[]> {
  const { rows } = await q.query<AuditRow>('select number, at, body, hash from dmarc.audit order by number desc limit $1', [
    limit,
  ]);
  return rows;
}

/** What is wrong with the chain. */
export interface Verified {
  rows: number;
  head: Head;
  /**
   * `changed`: its hash is not that of its content; `missing`: there is no such row; `cut`: the newest rows
   * are gone.
   */
  faults: { number: number; fault: 'changed' | 'missing' | 'cut' }[];
  /**
   * Whether a head that was noted before is in the chain: null when none was given, and when its row was cut
   * off by retention.
   */
  has_head: boolean | null;
  /** The row before the oldest that is kept: "0:00…" while nothing was cut off. */
  base: Head;
}

const MOST_FAULTS = 100;

/**
 * Computes each hash again. A tail that was cut off together with the head shows only against a head that was
 * noted elsewhere: in a mail, or in a file.
 * @param noted a head that was noted before
 */
export async function verifyAudit(q: Queryable, noted: Head | null = null): Promise<Verified> {
  const { rows: found } = await q.query<{ number: number; fault: Verified['faults'][number]['fault'] }>(
    `with head as (select * from ruawatch.audit_head),
          chain as (select a.*, lag(a.hash, 1, h.base_hash) over w as before, lag(a.number, 1, h.base_number) over w as previous
                      from ruawatch.audit a cross join head h window w as (order by a.number))
     select number, case when previous <> number - 1 then 'missing' else 'changed' end as fault
       from chain where previous <> number - 1 or hash <> ruawatch.audit_hash(before, number, at, body)
     union all
     select h.number, 'cut' from head h
      where h.number <> coalesce((select max(number) from ruawatch.audit), h.base_number)
         or h.hash <> coalesce((select hash from ruawatch.audit order by number desc limit 1), h.base_hash)
      order by 1 limit ${MOST_FAULTS}`,
  );
  const { rows: sum } = await q.query<{ rows: number }>('select count(*) as rows from ruawatch.audit');
  const base = await auditBase(q);
  const cut = noted !== null && numberOf(noted) < numberOf(base);
  return {
    rows: sum[0]!.rows,
    head: await auditHead(q),
    faults: found,
    has_head: noted === null || cut ? null : await hasHead(q, noted),
    base,
  };
}

async function auditBase(q: Queryable): Promise<Head> {
  const { rows } = await q.query<{ base: string }>(
    "select base_number || ':' || encode(base_hash, 'hex') as base from ruawatch.audit_head",
  );
  return rows[0]!.base;
}

/**
 * Deletes rows of the chain that are older than a time, and at least a year old. The hash of the newest of
 * them stays, so that the rest can be verified.
 * @returns how many rows
 * @throws an error of Postgres with code XX001 when they are not intact: then all are kept
 */
export async function cutAudit(q: Queryable, before: Date): Promise<number> {
  const { rows } = await q.query<{ gone: number }>('select ruawatch.audit_cut($1) as gone', [before]);
  return rows[0]!.gone;
}

async function hasHead(q: Queryable, noted: Head): Promise<boolean> {
  const [number, hash] = noted.split(':');
  const { rows } = await q.query<{ there: boolean }>(
    `select exists (select from ruawatch.audit where number = $1 and hash = decode($2, 'hex'))
         or exists (select from ruawatch.audit_head where base_number = $1 and base_hash = decode($2, 'hex')) as there`,
    [number, hash],
  );
  return rows[0]!.there;
}
