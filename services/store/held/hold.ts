import { hostname } from 'node:os';
import type { HeldFacts, NewHeld } from '../../requests/held/facts.ts';
import { normalFacts } from '../../requests/held/normal.ts';
import { identityOf, sealBody } from '../../requests/held/seal.ts';
import { planRelease } from '../../requests/plans/release.ts';
import type { Rule } from '../../requests/rules.ts';
import { PermanentError } from '../../shared/errors.ts';
import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { lockNamed } from '../locks.ts';
import { openLocked } from '../requests/open.ts';
import { momentOf } from '../requests/requests.ts';
import { seenSource } from '../requests/seen.ts';
import { similarHeld } from './similar.ts';

/**
 * Milliseconds after which the connection of a hold that did not come to its end is given up: the next mail
 * waits for it.
 */
const WITHIN_MS = 10_000;

export interface HoldMeans {
  /** Of approvals, in the settings. */
  rules: readonly Rule[];
  /** The octets of `milter.hold.key_file`; null when none is set. */
  key: Buffer | null;
  /** How many mails may wait at once (`milter.hold.most`). */
  most: number;
  /** Null for the database's clock. */
  at?: Date | null;
  /** The machine whose hold queue has it (`milter.hold.host`); without it, that of this process. */
  host?: string;
}

export interface Held {
  held_key: number;
  request_key: number;
  /** The same mail, in the same envelope, was held before: it is noted as another copy of that one. */
  again: boolean;
}

/**
 * Holds a mail: writes what is known of it, its octets encrypted where they are given, and opens the request
 * that decides about it, in one transaction. Once it has returned, the mail may leave the hands of whoever
 * called.
 * @throws PermanentError `no_rule`, `nobody_can_approve`, `no_hold_key`, `hold_full`
 */
export async function holdMessage(db: Db, message: NewHeld, means: HoldMeans): Promise<Held> {
  const facts = normalFacts(message);
  const sealed = sealedOf(message, means.key);
  const identity = identityOf(message);
  return transaction(
    db,
    async (tx) => {
      await lockNamed(tx, 'requests');
      const before = await anotherCopy(tx, identity, facts.queue_id);
      if (before !== null) return { ...before, again: true };
      await checkRoom(tx, means.most);
      const now = await momentOf(tx, means.at ?? null);
      let held_key = 0;
      const about = { domain: facts.domain, source: facts.source ?? '' };
      const plan = planRelease(facts, {
        seen: facts.source === null ? null : await seenSource(tx, about, now),
        similar: await similarHeld(tx, facts.header_from_domain, now),
      });
      const also = async (inside: Tx, key: number) => {
        held_key = await insertHeld(inside, { facts, identity, request_key: key, now, host: means.host ?? hostname() });
        if (sealed !== null)
          await inside.query('insert into ruawatch.held_bodies (held_key, sealed) values ($1, $2)', [held_key, sealed]);
      };
      const given = {
        plan,
        requester: 'milter',
        requester_kind: 'service' as const,
        why: `Rule "${facts.rule}" of the milter.`,
        also,
      };
      const request_key = (await openLocked(tx, means.rules, given, now))!;
      return { held_key, request_key, again: false };
    },
    { withinMs: WITHIN_MS },
  );
}

function sealedOf({ raw, kept_in, sha256 }: NewHeld, key: Buffer | null): Buffer | null {
  if (kept_in === 'store' && (raw === undefined || key === null))
    throw new PermanentError('no_hold_key', 'A mail is kept in the store only encrypted: set milter.hold.key_file.');
  return raw === undefined || key === null ? null : sealBody(raw, sha256, key);
}

/**
 * Notes one more copy of a mail that is known, also of one that was decided about: none of them is delivered
 * by itself.
 */
async function anotherCopy(tx: Tx, identity: string, queue_id: string | null): Promise<Omit<Held, 'again'> | null> {
  const { rows } = await tx.query<Omit<Held, 'again'>>(
    `update ruawatch.held_messages
        set queue_ids = case when $2::text is null or $2 = any(queue_ids) then queue_ids else array_append(queue_ids, $2) end, cleared_at = null,
            retry_at = null
      where identity = $1 and state not in ('expired', 'lost') returning held_key, request_key`,
    [identity, queue_id],
  );
  return rows[0] ?? null;
}

async function checkRoom(q: Queryable, most: number): Promise<void> {
  const { rows } = await q.query<{ n: number }>(
    "select count(*)::int as n from ruawatch.held_messages where state in ('held', 'releasing')",
  );
  if (rows[0]!.n >= most)
    throw new PermanentError(
      'hold_full',
      `${most} mails wait for a decision, as many as milter.hold.most allows: decide about them, or let a rule decide.`,
    );
}

async function insertHeld(
  tx: Tx,
  { facts, now, ...row }: { facts: HeldFacts; identity: string; request_key: number; now: Date; host: string },
): Promise<number> {
  const { queue_id, results, attachments, ...rest } = facts;
  const values = {
    ...rest,
    queue_ids: queue_id === null ? [] : [queue_id],
    results: JSON.stringify(results),
    attachments: JSON.stringify(attachments),
    ...row,
    held_at: now,
  };
  const columns = Object.keys(values);
  const { rows } = await tx.query<{ held_key: number }>(
    `insert into ruawatch.held_messages (${columns.join(', ')}) values (${columns.map((_, i) => `$${i + 1}`).join(', ')}) returning held_key`,
    Object.values(values),
  );
  return rows[0]!.held_key;
}
