import type { AuditedRequest, GroupChange } from '../../requests/audit-report.ts';
import type { Queryable } from '../../shared/runtime/db.ts';

const MOST = 100_000;

/** Requests that were open or changed within a time, the oldest first. */
export async function auditedRequests(q: Queryable, { from, to }: { from: Date; to: Date }): Promise<AuditedRequest[]> {
  const { rows } = await q.query<AuditedRequest>(
    `select r.request_key, r.kind, r.domain, r.summary, r.requester, r.requester_kind, r.why, r.rule ->> 'rule' as rule,
            r.rule ->> 'decide' = 'automatic' as automatic, r.emergency, r.state, r.created_at, r.decided_at, r.applied_at, r.outcome,
            w.request_key as review_key, w.state as review_state
       from ruawatch.requests r
       left join ruawatch.requests w on w.kind = 'review' and w.plan::jsonb ->> 'reviews' = r.request_key::text
      where r.created_at < $2 and (r.created_at >= $1 or r.changed_at >= $1)
      order by r.request_key limit ${MOST}`,
    [from, to],
  );
  const keys = rows.map(({ request_key }) => request_key);
  const decisions = await q.query<AuditedRequest['decisions'][number] & { request_key: number }>(
    `select d.request_key, d.person, d.decision, d.why, d.via, d.at, d.digest = r.digest as of_this_plan, d.in_place_of
       from ruawatch.decisions d join ruawatch.requests r using (request_key) where d.request_key = any($1) order by d.at, d.person`,
    [keys],
  );
  const changes = await q.query<AuditedRequest['changes'][number] & { request_key: number }>(
    `select request_key, name, not forward as is_return, state, answer, settled_at from ruawatch.changes
      where request_key = any($1) order by request_key, forward desc, position`,
    [keys],
  );
  const [decided, changed] = [byRequest(decisions.rows), byRequest(changes.rows)];
  return (rows as (AuditedRequest & { review_key: number | null; review_state: AuditedRequest['state'] })[]).map(
    ({ review_key, review_state, ...row }) => ({
      ...row,
      review: review_key === null ? null : { request_key: review_key, state: review_state },
      decisions: decided.get(row.request_key) ?? [],
      changes: changed.get(row.request_key) ?? [],
    }),
  );
}

function byRequest<T extends { request_key: number }>(rows: readonly T[]): Map<number, Omit<T, 'request_key'>[]> {
  const found = new Map<number, Omit<T, 'request_key'>[]>();
  for (const { request_key, ...rest } of rows) {
    const some = found.get(request_key);
    if (some) some.push(rest);
    else found.set(request_key, [rest]);
  }
  return found;
}

/** Changes of who may decide, from the audit chain. */
export async function groupChanges(q: Queryable, { from, to }: { from: Date; to: Date }): Promise<GroupChange[]> {
  const { rows } = await q.query<{ number: number; at: Date; body: string }>(
    `select number, at, body from dmarc.audit where verb = 'groups.change' and at >= $1 and at < $2 order by number limit ${MOST}`,
    [from, to],
  );
  return rows.map(({ number, at, body }) => {
    const { added = [], removed = [], deputies_added = [], deputies_removed = [] } = JSON.parse(body) as Partial<GroupChange>;
    return { number, at, added, removed, deputies_added, deputies_removed };
  });
}

/** Of a time, how many rows the chain has, and its heads before the first and after the last of them. */
export async function chainOf(
  q: Queryable,
  { from, to }: { from: Date; to: Date },
): Promise<{ rows: number; before: string | null; last: string | null; cuts: number }> {
  const { rows } = await q.query<{ rows: number; before: string | null; last: string | null; cuts: number }>(
    `select count(*)::int as rows, count(*) filter (where verb = 'audit.cut')::int as cuts,
            (select number || ':' || hash from dmarc.audit where at < $1 order by number desc limit 1) as before,
            (select number || ':' || hash from dmarc.audit where at < $2 order by number desc limit 1) as last
       from dmarc.audit where at >= $1 and at < $2`,
    [from, to],
  );
  return rows[0]!;
}
