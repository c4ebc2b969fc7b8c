import type { Db, Queryable, Tx } from '../../shared/runtime/db.ts';

/** A row of ruawatch.postures, without when it was written and since when its stage is so. */
export interface PostureRow {
  spf: string;
  dkim: string;
  dmarc: string;
  bimi: string;
  mta_sts: string;
  tls_rpt: string;
  stage: string;
  /** The action of services/dns/posture, and a sentence. */
  next_step: string;
  advice: string;
  publish_name: string | null;
  publish_value: string | null;
  blocked_by: readonly string[];
  /** When DNS was asked; null when nobody asked. */
  checked_at: Date | null;
}

const COLUMNS = [
  'spf',
  'dkim',
  'dmarc',
  'bimi',
  'mta_sts',
  'tls_rpt',
  'stage',
  'next_step',
  'advice',
  'publish_name',
  'publish_value',
  'blocked_by',
  'checked_at',
] as const satisfies (keyof PostureRow)[];

/** Writes the posture of a domain. `since` stays as long as the stage does. */
export async function savePosture(tx: Tx, domain: string, now: Date, row: PostureRow): Promise<void> {
  await tx.query(
    `insert into ruawatch.postures as p (domain, since, written_at, ${COLUMNS.join(', ')})
     values ($1, $2, $2, ${COLUMNS.map((_, i) => `$${i + 3}`).join(', ')})
     on conflict (domain) do update set since = case when p.stage = excluded.stage then p.since else excluded.since end,
       written_at = excluded.written_at, ${COLUMNS.map((name) => `${name} = excluded.${name}`).join(', ')}`,
    [domain, now, ...COLUMNS.map((name) => row[name])],
  );
}

/** The own domains without a posture that was written since a time, and without work that waits. */
export async function stalePostures(q: Queryable, since: Date, limit: number): Promise<string[]> {
  const { rows } = await q.query<{ domain: string }>(
    `select d.domain from ruawatch.domains d
       left join ruawatch.postures p on p.domain = d.domain
      where d.state = 'own' and (p.written_at is null or p.written_at < $1)
        and not exists (select from ruawatch.analysis_work w where w.domain = d.domain)
      order by p.written_at nulls first, d.domain limit $2`,
    [since, limit],
  );
  return rows.map(({ domain }) => domain);
}

/** Deletes the postures of domains that are not own any more. */
export async function forgetPostures(db: Db): Promise<void> {
  await db.query(
    `delete from ruawatch.postures p
      where not exists (select from ruawatch.domains d where d.domain = p.domain and d.state = 'own')`,
  );
}
