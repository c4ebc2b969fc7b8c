import type { Tx } from '../../shared/runtime/db.ts';
import { appendAudit } from './audit.ts';

/** Something that happened to a request. */
export interface RequestEvent {
  /** Also the verb of the audit chain, after "request.". */
  event: string;
  actor: string;
  /** A sentence. */
  says: string;
  /** Whom it is said to beside all who were asked before; their mail addresses. */
  to?: readonly string[];
  /** Only they, and not those who were asked before. */
  only?: boolean;
  detail?: Record<string, string | number | boolean | null>;
}

/** A request of a person is answered to that person; a playbook or service reads no mail. */
export const askerOf = ({ requester, requester_kind }: { requester: string; requester_kind: string }): string[] =>
  requester_kind === 'person' ? [requester] : [];

/**
 * Notes what happened to a locked request, for mails, posts and the audit chain. The last thing in a
 * transaction: it holds the chain's head.
 */
export async function note(
  tx: Tx,
  request_key: number,
  at: Date,
  { event, actor, says, to = [], only, detail }: RequestEvent,
): Promise<void> {
  const { rows } = await tx.query<{ state: string; domain: string; kind: string; digest: string; told: string[] }>(
    `select r.state, r.domain, r.kind, r.digest,
            array(select distinct p from ruawatch.request_events e cross join lateral unnest(e.recipients) p where e.request_key = $1) as told
       from ruawatch.requests r where r.request_key = $1`,
    [request_key],
  );
  const { state, domain, kind, digest, told } = rows[0]!;
  const head = await appendAudit(tx, {
    actor,
    verb: `request.${event}`,
    object: `request ${request_key}`,
    detail: { ...detail, state, domain, kind, digest, says, at: at.toISOString() },
  });
  const recipients = [...new Set([...to, ...(only === true ? [] : told)])].sort();
  await tx.query(
    `insert into ruawatch.request_events (request_key, event, state, at, actor, says, recipients, head) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [request_key, event, state, at, actor, says, recipients, head],
  );
}
