import { createHash } from 'node:crypto';
import type { Queryable } from '../../shared/runtime/db.ts';

/** How long somebody may take to touch a key. */
const CHALLENGE_MS = 5 * 60_000;
/** Of one person. */
export const MOST_PASSKEYS = 20;

/** A passkey of a person who may sign in. */
export interface Passkey {
  person_key: number;
  person: string;
  credential_id: Buffer;
  public_key: Buffer;
  counter: number;
  transports: string[];
  name: string;
  created_at: Date;
  used_at: Date | null;
}

const COLUMNS = 'k.person_key, p.name as person, credential_id, public_key, counter, transports, k.name, k.created_at, used_at';

/** The passkeys of a person, the oldest first. */
export async function passkeysOf(q: Queryable, person_key: number): Promise<Passkey[]> {
  const { rows } = await q.query<Passkey>(
    `select ${COLUMNS} from ruawatch.passkeys k join ruawatch.people p using (person_key)
      where person_key = $1 and p.ended_at is null order by k.created_at, credential_id`,
    [person_key],
  );
  return rows;
}

/** Whose passkey this is; null when nobody's who may sign in. */
export async function passkeyOf(q: Queryable, credential_id: Buffer): Promise<Passkey | null> {
  const { rows } = await q.query<Passkey>(
    `select ${COLUMNS} from ruawatch.passkeys k join ruawatch.people p using (person_key) where credential_id = $1 and p.ended_at is null`,
    [credential_id],
  );
  return rows[0] ?? null;
}

/** Keeps a passkey. @returns false when there is one of this id already */
export async function addPasskey(
  q: Queryable,
  key: Pick<Passkey, 'person_key' | 'credential_id' | 'public_key' | 'counter' | 'transports' | 'name'>,
  now: Date,
): Promise<boolean> {
  const { rowCount } = await q.query(
    `insert into ruawatch.passkeys (credential_id, person_key, public_key, counter, transports, name, created_at)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
    [key.credential_id, key.person_key, key.public_key, key.counter, key.transports, key.name, now],
  );
  return rowCount === 1;
}

/**
 * Notes a use of a passkey. @returns false when its counter was seen already: it may be a copy (WebAuthn
 * section 6.1.1)
 */
export async function usePasskey(q: Queryable, credential_id: Buffer, counter: number, now: Date): Promise<boolean> {
  const { rowCount } = await q.query(
    `update ruawatch.passkeys set counter = $2, used_at = $3
      where credential_id = $1 and (counter < $2 or (counter = 0 and $2 = 0))`,
    [credential_id, counter, now],
  );
  return rowCount === 1;
}

/** Removes a passkey of a person. @returns false when they have none of this id */
export async function removePasskey(q: Queryable, person_key: number, credential_id: Buffer): Promise<boolean> {
  const { rowCount } = await q.query('delete from ruawatch.passkeys where person_key = $1 and credential_id = $2', [
    person_key,
    credential_id,
  ]);
  return rowCount === 1;
}

const hashOf = (challenge: string) => createHash('sha256').update(challenge).digest();

/** Keeps what a key has to sign. @param person_key who adds a passkey; null where somebody signs in */
export async function keepChallenge(q: Queryable, challenge: string, person_key: number | null, now: Date): Promise<void> {
  await q.query('delete from ruawatch.challenges where ends_at <= $1', [now]);
  await q.query('insert into ruawatch.challenges (challenge_hash, person_key, ends_at) values ($1, $2, $3)', [
    hashOf(challenge),
    person_key,
    new Date(now.getTime() + CHALLENGE_MS),
  ]);
}

/** Takes a challenge, which works once. @returns whether it was kept for this person and is not too old */
export async function takeChallenge(q: Queryable, challenge: string, person_key: number | null, now: Date): Promise<boolean> {
  const { rowCount } = await q.query(
    'delete from ruawatch.challenges where challenge_hash = $1 and person_key is not distinct from $2 and ends_at > $3',
    [hashOf(challenge), person_key, now],
  );
  return rowCount === 1;
}
