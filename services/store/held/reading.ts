import { type MessageScope, messageGrant } from '../../requests/grants/message.ts';
import type { Queryable, Tx } from '../../shared/runtime/db.ts';
import { countUse } from '../grants/grants.ts';
import { appendAudit } from '../requests/audit.ts';
import type { HeldRow } from './held.ts';

/** What somebody may do to read a held mail now. */
export interface ReadingRight {
  grant_key: number;
  ends_at: Date;
}

/** The right of a person to read a held mail that counts now, by the database's clock; null without one. */
export async function readingRight(
  q: Queryable,
  holder: string,
  { held_key, sha256 }: Pick<HeldRow, 'held_key' | 'sha256'>,
): Promise<ReadingRight | null> {
  const { rows } = await q.query<ReadingRight & { scope: unknown }>(
    `select grant_key, ends_at, scope from ruawatch.grants
      where kind = 'access.message' and holder = $1 and holder_kind = 'person' and state = 'active' and ends_at > clock_timestamp()
        and (uses is null or used < uses) and not ruawatch.is_new_copy() and scope ->> 'held' = $2::text
      order by ends_at desc`,
    [holder, String(held_key)],
  );
  const found = rows.find(({ scope }) => (messageGrant.scope.parse(scope) as MessageScope).sha256 === sha256);
  return found === undefined ? null : { grant_key: found.grant_key, ends_at: found.ends_at };
}

/**
 * Counts that a mail is opened, and writes it into the audit chain. @returns false when the right is over:
 * then it is not opened
 */
export async function noteReading(
  tx: Tx,
  { grant_key, holder, held }: { grant_key: number; holder: string; held: HeldRow },
  now: Date,
): Promise<boolean> {
  if (!(await countUse(tx, grant_key))) return false;
  await appendAudit(tx, {
    actor: holder,
    verb: 'held.read',
    object: `held mail ${held.held_key}`,
    detail: { grant: grant_key, request: held.request_key, domain: held.domain, sha256: held.sha256, at: now.toISOString() },
  });
  return true;
}

/** Whether somebody has asked to read it and waits. */
export async function readingAsked(q: Queryable, holder: string, held_key: number): Promise<number | null> {
  const { rows } = await q.query<{ request_key: number }>(
    `select g.request_key from ruawatch.grants g join ruawatch.requests r using (request_key)
      where g.kind = 'access.message' and g.holder = $1 and g.scope ->> 'held' = $2::text and r.state in ('pending', 'approved', 'applying')
      order by 1 desc limit 1`,
    [holder, String(held_key)],
  );
  return rows[0]?.request_key ?? null;
}
