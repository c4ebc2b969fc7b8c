import { MOST_ADDRESSES, SEEN_DAYS, type SeenMail } from '../dns/check/seen.ts';
import type { Queryable } from '../shared/runtime/db.ts';
import { decidedSince, loadSeenMail } from '../store/analysis/seen-mail.ts';
import type { StoredCheck } from '../store/dns/checks.ts';

const DAY_MS = 86_400_000;

/**
 * What reports say of a domain's mail; undefined where they were read less than a day ago, and nobody decided
 * about a sender since: reports come once a day, and ninety days of them are much to read.
 */
export async function seenMail(
  q: Queryable,
  domain: string,
  before: StoredCheck | null,
  now: Date,
): Promise<SeenMail | undefined> {
  const read = before?.seen_at;
  if (read && now.getTime() - read.getTime() < DAY_MS && !(await decidedSince(q, domain, read))) return undefined;
  const since = new Date(now.getTime() - SEEN_DAYS * DAY_MS);
  return loadSeenMail(q, domain, { since, now, most: MOST_ADDRESSES });
}
