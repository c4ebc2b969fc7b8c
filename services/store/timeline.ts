import type { Queryable } from '../shared/runtime/db.ts';

/** A row of dmarc.timeline. */
export interface TimelineRow {
  at: Date;
  domain: string;
  what: 'finding' | 'dns' | 'request' | 'decision' | 'change' | 'sender' | 'sending' | 'zone' | 'reports' | 'bounce';
  event: string;
  subject: string;
  actor: string | null;
  summary: string | null;
  finding_key: number | null;
  request_key: number | null;
}

const TIMELINE_COLUMNS = 'at, domain, what, event, subject, actor, summary, finding_key, request_key';

/**
 * The newest first. Of one moment in an order that is the same each time: a record that took the place of
 * another above what it replaced.
 */
export const TIMELINE_ORDER = 'at desc, what, subject, event desc, request_key desc, finding_key desc, actor, summary';

/** What happened to a domain, the newest first. */
export async function timelineOf(
  q: Queryable,
  { domain, from, to, limit }: { domain: string; from: Date | null; to: Date | null; limit: number },
): Promise<TimelineRow[]> {
  const { rows } = await q.query<TimelineRow>(
    `select ${TIMELINE_COLUMNS} from dmarc.timeline
      where domain = $1 and ($2::timestamptz is null or at >= $2) and ($3::timestamptz is null or at < $3)
      order by ${TIMELINE_ORDER} limit $4`,
    [domain, from, to, limit],
  );
  return rows;
}
