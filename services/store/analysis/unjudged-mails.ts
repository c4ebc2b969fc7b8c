import type { Queryable } from '../../shared/runtime/db.ts';

/** Mails of some time that the milter could not judge. */
export interface UnjudgedMails {
  /** Those that passed, and those whose clients were asked to try again later. */
  passed: number;
  put_off: number;
  /** Of those that passed, how many name an own domain as their author's. */
  own: number;
  first_at: Date;
  last_at: Date;
  /** The most frequent reasons. */
  reasons: { why: string; mails: number }[];
}

const MOST_REASONS = 5;

/** @returns null when there are none */
export async function loadUnjudged(q: Queryable, since: Date): Promise<UnjudgedMails | null> {
  const { rows } = await q.query<UnjudgedMails>(
    `with noted as (select at, outcome, why, header_from_domain from ruawatch.milter_unjudged where at >= $1),
          reasons as (select why, count(*)::int as mails from noted group by why order by 2 desc, 1 limit ${MOST_REASONS})
     select count(*) filter (where outcome = 'accept')::int as passed, count(*) filter (where outcome = 'tempfail')::int as put_off,
            count(*) filter (where outcome = 'accept' and exists (
              select from ruawatch.domains d
               where d.state = 'own' and (n.header_from_domain = d.domain or right(n.header_from_domain, length(d.domain) + 1) = '.' || d.domain)
            ))::int as own,
            min(at) as first_at, max(at) as last_at, (select jsonb_agg(reasons) from reasons) as reasons
       from noted n having count(*) > 0`,
    [since],
  );
  return rows[0] ?? null;
}

/** The number of the newest note; 0 when there is none. */
export async function newestUnjudged(q: Queryable): Promise<number> {
  const { rows } = await q.query<{ note_key: number }>(
    'select coalesce(max(note_key), 0)::bigint as note_key from ruawatch.milter_unjudged',
  );
  return rows[0]!.note_key;
}
