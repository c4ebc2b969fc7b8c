import { createHash, randomBytes } from 'node:crypto';
import { PermanentError } from '../../shared/errors.ts';
import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { lentRoles, withLentRoles } from './lent-roles.ts';
import type { PersonRole, Visitor } from './rights.ts';
import { scopeOf } from './scope.ts';

const HOUR_MS = 3_600_000;
/** A session ends after this time without a request, and after that time in any case. */
const IDLE_MS = 12 * HOUR_MS;
const LONGEST_MS = 7 * 24 * HOUR_MS;
/** How exactly the last request is noted. */
const NOTED_MS = 60_000;
/** How long a link to choose a password holds. */
const LINK_MS = 24 * HOUR_MS;

/** A secret that is sent to a browser or printed, and of which the database has the hash. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

const hashOf = (token: string) => createHash('sha256').update(token).digest();

/** Begins a session. @returns its token */
export async function beginSession(
  q: Queryable,
  key: number,
  from: { address: string; agent: string | null },
  now: Date,
): Promise<string> {
  const token = newToken();
  await q.query(
    `insert into ruawatch.sessions (token_hash, person_key, created_at, used_at, ends_at, address, agent)
     values ($1, $2, $3, $3, $4, $5, $6)`,
    [hashOf(token), key, now, new Date(now.getTime() + LONGEST_MS), from.address, from.agent?.slice(0, 200) ?? null],
  );
  return token;
}

/**
 * Whose session a token is, with what they may see now; null when it has ended.
 * @param least the role that the page needs: roles that are lent count where they are enough
 */
export async function visitorOf(q: Queryable, token: string, now: Date, least: PersonRole = 'viewer'): Promise<Visitor | null> {
  const { rows } = await q.query<Omit<Visitor, 'scope'> & { all_domains: boolean; domains: string[]; stale: boolean }>(
    `select p.person_key, p.name, p.role, p.all_domains, p.oidc_checked_at as confirmed_at, s.used_at < $4 as stale,
            array(select d.domain from ruawatch.person_domains d where d.person_key = p.person_key) as domains
       from ruawatch.sessions s join ruawatch.people p using (person_key)
      where s.token_hash = $1 and s.ends_at > $2 and s.used_at > $3 and p.ended_at is null`,
    [hashOf(token), now, new Date(now.getTime() - IDLE_MS), new Date(now.getTime() - NOTED_MS)],
  );
  const found = rows[0];
  if (!found) return null;
  if (found.stale) await q.query('update ruawatch.sessions set used_at = $2 where token_hash = $1', [hashOf(token), now]);
  const scope = found.all_domains ? { all: true, domains: [] } : await scopeOf(q, found.domains);
  const { person_key, name, role, confirmed_at } = found;
  const visitor = { person_key, name, role, scope, confirmed_at };
  const own = found.all_domains ? null : found.domains;
  return withLentRoles(q, visitor, await lentRoles(q, person_key), { least, own });
}

/** Ends one session. */
export async function endSession(q: Queryable, token: string): Promise<void> {
  await q.query('delete from ruawatch.sessions where token_hash = $1', [hashOf(token)]);
}

/** Ends all sessions of a person. @returns how many there were */
export async function endSessions(q: Queryable, key: number): Promise<number> {
  const { rowCount } = await q.query('delete from ruawatch.sessions where person_key = $1', [key]);
  return rowCount!;
}

/** Deletes sessions and links whose time is over. */
export async function forgetEnded(q: Queryable, now: Date): Promise<void> {
  await q.query('delete from ruawatch.sessions where ends_at <= $1 or used_at <= $2', [now, new Date(now.getTime() - IDLE_MS)]);
  await q.query('delete from ruawatch.person_links where ends_at <= $1', [now]);
}

/** What a link is for: to choose a password, or to sign in at once. */
export type Purpose = 'password' | 'sign_in';

/** A link that holds. */
export interface Link {
  /** Null: it makes the first account. */
  person_key: number | null;
  name: string | null;
  purpose: Purpose;
}

/**
 * Makes a link that is used once, in place of the person's earlier ones.
 * @param key null: a link with which the first account is made
 * @returns its token
 */
export async function makeLink(q: Queryable, key: number | null, purpose: Purpose, now: Date): Promise<string> {
  const token = newToken();
  await q.query('delete from ruawatch.person_links where person_key is not distinct from $1', [key]);
  await q.query(
    'insert into ruawatch.person_links (token_hash, person_key, purpose, created_at, ends_at) values ($1, $2, $3, $4, $5)',
    [hashOf(token), key, purpose, now, new Date(now.getTime() + LINK_MS)],
  );
  return token;
}

/** What a link is for; null when it does not exist, was used, or is too old. */
export async function linkOf(q: Queryable, token: string, now: Date): Promise<Link | null> {
  const { rows } = await q.query<Link>(
    `select l.person_key, l.purpose, p.name from ruawatch.person_links l left join ruawatch.people p using (person_key)
      where l.token_hash = $1 and l.ends_at > $2 and (l.person_key is null or p.ended_at is null)`,
    [hashOf(token), now],
  );
  return rows[0] ?? null;
}

/**
 * Uses a link: it ends in the transaction in which `work` runs, so that it is used once.
 * @throws PermanentError `link_ended`
 */
export async function withLink<T>(db: Db, token: string, now: Date, work: (tx: Tx, link: Link) => Promise<T>): Promise<T> {
  return transaction(db, async (tx) => {
    const link = await linkOf(tx, token, now);
    const { rowCount } = await tx.query('delete from ruawatch.person_links where token_hash = $1', [hashOf(token)]);
    if (link === null || rowCount !== 1)
      throw new PermanentError(
        'link_ended',
        'This link was used already, or is too old. Ask an admin for another one: ruawatch people link NAME.',
      );
    return work(tx, link);
  });
}
