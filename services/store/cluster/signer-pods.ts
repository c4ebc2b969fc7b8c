import type { Db, Queryable } from '../../shared/runtime/db.ts';

/** What the pods of a domain's signer have. */
export interface SignerPods {
  pods: number;
  /** The files with keys that all of them have. */
  files: readonly string[];
  unknown: string | null;
  checked_at: Date;
}

/** Keeps what was seen of the pods that sign for a domain. */
export async function keepSignerPods(db: Db, domain: string, seen: Omit<SignerPods, 'checked_at'>, now: Date): Promise<void> {
  await db.query(
    `insert into ruawatch.signer_pods (domain, pods, files, unknown, checked_at) values ($1, $2, $3, $4, $5)
     on conflict (domain) do update
        set pods = excluded.pods, files = excluded.files, unknown = excluded.unknown, checked_at = excluded.checked_at`,
    [domain, seen.pods, seen.files, seen.unknown, now],
  );
}

/** What was last seen of the pods that sign for a domain; null when nothing looks at them. */
export async function loadSignerPods(q: Queryable, domain: string): Promise<SignerPods | null> {
  const { rows } = await q.query<SignerPods>(
    'select pods, files, unknown, checked_at from ruawatch.signer_pods where domain = $1',
    [domain],
  );
  return rows[0] ?? null;
}
