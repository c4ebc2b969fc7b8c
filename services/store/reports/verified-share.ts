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

/** Counts reports by arrival. @param domains these own domains; all reports without it */
export async function verifiedShare(q: Queryable, since: Date, domains?: readonly string[]): Promise<VerifiedShare> {
  const { rows } = await q.query<VerifiedShare>(
    `select count(*)::int as reports,
            count(*) filter (where reporter_trust = 'authenticated')::int as verified,
            count(*) filter (where reporter_trust is null and trust = 'pending')::int as pending,
            count(*) filter (where trust = 'bad')::int as unverified
       from ruawatch.reports
      where superseded_by is null and received_at >= $1 and ($2::text[] is null or domain = any($2))`,
    [since, domains ?? null],
  );
  return rows[0]!;
}
