import type { Queryable } from '../../shared/runtime/db.ts';

/** How many of the aggregate reports that arrived lately were verified. */
export interface VerifiedShare {
  reports: number;
  verified: number;
  /** Those whose verification is still to come. */
  pending: number;
  /** Those that were verified without success. */
  unverified: number;
}

/** The days that count as lately. */
export const VERIFIED_DAYS = 7;

/**
 * Counts reports by the arrival of their mails, which is theirs: it is the mails that have an index by it.
 * @param domains these own domains; all reports without it
 */
export async function verifiedShare(q: Queryable, since: Date, domains?: readonly string[]): Promise<VerifiedShare> {
  const { rows } = await q.query<VerifiedShare>(
    `select count(*)::int as reports,
            count(*) filter (where r.reporter_trust = 'authenticated')::int as verified,
            count(*) filter (where r.reporter_trust is null and r.trust = 'pending')::int as pending,
            count(*) filter (where r.trust = 'bad')::int as unverified
       from ruawatch.messages m join ruawatch.reports r using (message_key)
      where m.received_at >= $1 and r.superseded_by is null and ($2::text[] is null or r.domain = any($2))`,
    [since, domains ?? null],
  );
  return rows[0]!;
}
