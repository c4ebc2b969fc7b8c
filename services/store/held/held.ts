import type { HeldAttachment, HeldResults } from '../../requests/held/facts.ts';
import { PermanentError } from '../../shared/errors.ts';
import type { Queryable, Tx } from '../../shared/runtime/db.ts';

export type HeldState = 'held' | 'releasing' | 'released' | 'rejected' | 'deleted' | 'expired' | 'lost';

/** A row of ruawatch.held_messages. */
export interface HeldRow {
  held_key: number;
  request_key: number;
  held_at: Date;
  kept_in: 'postfix' | 'store';
  host: string;
  queue_ids: string[];
  domain: string;
  envelope_from: string;
  recipients: string[];
  header_from: string | null;
  header_from_domain: string | null;
  display_name: string | null;
  subject: string | null;
  message_id: string | null;
  peer_ip: string;
  peer_name: string | null;
  helo: string | null;
  results: HeldResults;
  source: string | null;
  source_class: string | null;
  rule: string;
  reason: string;
  size: number;
  sha256: string;
  attachments: HeldAttachment[];
  state: HeldState;
  denied_as: 'reject' | 'delete' | null;
  decided_by: string[] | null;
  decided_at: Date | null;
  dot_at: Date | null;
  copy_id: string | null;
  bounce_at: Date | null;
  release_token: string;
  tries: number;
  answer: string | null;
  doubt: boolean;
  settled_at: Date | null;
  cleared_at: Date | null;
  body_gone_at: Date | null;
}

const COLUMNS = `held_key, request_key, held_at, kept_in, host, queue_ids, domain, envelope_from, recipients, header_from, header_from_domain,
  display_name, subject, message_id, host(peer_ip) as peer_ip, peer_name, helo, results, source, source_class, rule, reason, size, sha256,
  attachments, state, denied_as, decided_by, decided_at, dot_at, copy_id, bounce_at, release_token, tries, answer, doubt, settled_at,
  cleared_at, body_gone_at`;

const missing = (key: number) => new PermanentError('no_held_mail', `There is no held mail ${key}.`);

/** @throws PermanentError `no_held_mail` */
export async function loadHeld(q: Queryable, held_key: number): Promise<HeldRow> {
  const { rows } = await q.query<HeldRow>(`select ${COLUMNS} from ruawatch.held_messages where held_key = $1`, [held_key]);
  if (rows[0] === undefined) throw missing(held_key);
  return rows[0];
}

/** The held mail that a request is about. @throws PermanentError `no_held_mail` */
export async function heldOf(q: Queryable, request_key: number): Promise<HeldRow> {
  const { rows } = await q.query<HeldRow>(`select ${COLUMNS} from ruawatch.held_messages where request_key = $1`, [request_key]);
  if (rows[0] === undefined) throw missing(request_key);
  return rows[0];
}

/** Locks a held mail until the transaction ends; its request is locked before it. */
export async function lockHeld(tx: Tx, held_key: number): Promise<HeldRow> {
  const { rows } = await tx.query<HeldRow>(`select ${COLUMNS} from ruawatch.held_messages where held_key = $1 for update`, [
    held_key,
  ]);
  if (rows[0] === undefined) throw missing(held_key);
  return rows[0];
}

/** The encrypted octets of a held mail; null when they are gone, or were never kept. */
export async function sealedBody(q: Queryable, held_key: number): Promise<Buffer | null> {
  const { rows } = await q.query<{ sealed: Buffer }>('select sealed from ruawatch.held_bodies where held_key = $1', [held_key]);
  return rows[0]?.sealed ?? null;
}
