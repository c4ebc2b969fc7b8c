import { createHash, randomBytes } from 'node:crypto';
import { PermanentError } from '../../shared/errors.ts';
import { type Db, type Queryable, transaction } from '../../shared/runtime/db.ts';
import { serviceHolds } from '../grants/holders.ts';
import { noteAct } from './audit.ts';
import type { TokenScope, Visitor } from './rights.ts';
import { type Scope, scopeOf } from './scope.ts';

const DAY_MS = 24 * 3_600_000;
/** How long a token may hold, in milliseconds: one that decides holds for a day. */
const LONGEST_TOKEN_MS = 366 * DAY_MS;
const LONGEST_DECIDING_MS = DAY_MS;
/** How exactly the last use is noted. */
const NOTED_MS = 60_000;

/** A token, without its secret. */
export interface Token {
  token_key: number;
  person: string;
  name: string;
  scopes: TokenScope[];
  /** Null for all that the person sees. */
  domains: string[] | null;
  created_at: Date;
  created_by: string;
  used_at: Date | null;
  ends_at: Date;
}

export interface NewToken {
  person_key: number;
  person: string;
  /** What it is for. */
  name: string;
  scopes: readonly TokenScope[];
  domains: readonly string[] | null;
  ends_at: Date;
}

const PREFIX = 'ruawatch_';
const hashOf = (token: string) => createHash('sha256').update(token).digest();

/** Whether a text has the form of a token: others are not looked up. */
export function isToken(text: string): boolean {
  return /^ruawatch_[\w-]{43}$/.test(text);
}

/**
 * Makes a token. Its text is returned once and not stored: the database has its hash.
 * @throws PermanentError `token_too_long` when it would hold for longer than its scopes allow or its service
 *   principal holds, `service_decides_nothing`
 */
export async function makeToken(db: Db, given: NewToken, by: string, now: Date): Promise<{ token: string; token_key: number }> {
  const { person_key, person, name, scopes, domains, ends_at } = given;
  await checkService(db, given);
  const most = scopes.includes('decide') ? LONGEST_DECIDING_MS : LONGEST_TOKEN_MS;
  if (ends_at.getTime() - now.getTime() > most)
    throw new PermanentError(
      'token_too_long',
      scopes.includes('decide')
        ? 'A token with the scope decide holds for at most 24 hours: choose an earlier end.'
        : 'A token holds for at most 366 days: choose an earlier end.',
    );
  const token = `${PREFIX}${randomBytes(32).toString('base64url')}`;
  const token_key = await transaction(db, async (tx) => {
    const { rows } = await tx.query<{ token_key: number }>(
      `insert into ruawatch.person_tokens (token_hash, person_key, name, scopes, domains, created_at, created_by, ends_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8) returning token_key`,
      [hashOf(token), person_key, name, scopes, domains, now, by, ends_at],
    );
    const detail = { name, scopes, domains, ends_at };
    await noteAct(tx, { by, act: 'token_made', object: `${person} ${rows[0]!.token_key}`, detail }, now);
    return rows[0]!.token_key;
  });
  return { token, token_key };
}

async function checkService(q: Queryable, { person_key, scopes, ends_at }: NewToken): Promise<void> {
  const { rows } = await q.query<{ name: string; ends_at: Date }>(
    "select name, ends_at from ruawatch.people where person_key = $1 and kind = 'service'",
    [person_key],
  );
  const service = rows[0];
  if (service === undefined) return;
  if (scopes.includes('decide'))
    throw new PermanentError('service_decides_nothing', `${service.name} is a service principal: only people decide.`);
  if (ends_at > service.ends_at)
    throw new PermanentError(
      'token_too_long',
      `${service.name} ends ${service.ends_at.toISOString()}: its tokens end then at the latest.`,
    );
}

/** The tokens that hold, the newest last. @param person_key null for everybody's */
export async function listTokens(q: Queryable, person_key: number | null, now: Date): Promise<Token[]> {
  const { rows } = await q.query<Token>(
    `select t.token_key, p.name as person, t.name, t.scopes, t.domains, t.created_at, t.created_by, t.used_at, t.ends_at
       from ruawatch.person_tokens t join ruawatch.people p using (person_key)
      where t.ended_at is null and t.ends_at > $2 and p.ended_at is null and ($1::bigint is null or person_key = $1)
      order by token_key`,
    [person_key, now],
  );
  return rows;
}

/**
 * Ends a token at once.
 * @param person_key whose it must be; null where anybody's may be ended
 * @throws PermanentError `no_token`
 */
export async function endToken(
  db: Db,
  token_key: number,
  { person_key, by }: { person_key: number | null; by: string },
  now: Date,
): Promise<void> {
  await transaction(db, async (tx) => {
    const { rowCount } = await tx.query(
      `update ruawatch.person_tokens set ended_at = $2, ended_by = $3
        where token_key = $1 and ended_at is null and ends_at > $2 and ($4::bigint is null or person_key = $4)`,
      [token_key, now, by, person_key],
    );
    if (rowCount !== 1)
      throw new PermanentError('no_token', `There is no token ${token_key} that holds: "ruawatch people tokens" lists them.`);
    await noteAct(tx, { by, act: 'token_ended', object: String(token_key) }, now);
  });
}

/**
 * Ends the tokens of a person.
 * @param scope only those with this scope; all without it
 */
export async function endTokens(
  q: Queryable,
  person_key: number,
  { by, scope = null }: { by: string; scope?: TokenScope | null },
  now: Date,
): Promise<void> {
  await q.query(
    `update ruawatch.person_tokens set ended_at = $2, ended_by = $3
      where person_key = $1 and ended_at is null and ends_at > $2 and ($4::text is null or $4 = any(scopes))`,
    [person_key, now, by, scope],
  );
}

/** What is stored of a token that somebody uses. */
interface Held {
  token_key: number;
  scopes: TokenScope[];
  all_domains: boolean;
  /** The domains of the person, and those of the token. */
  granted: string[];
  domains: string[] | null;
  stale: boolean;
}

/**
 * Whose token it is, with what they may do and see now; null when it has ended, or the person was removed.
 */
export async function tokenVisitor(q: Queryable, token: string, now: Date): Promise<Visitor | null> {
  if (!isToken(token)) return null;
  const { rows } = await q.query<Omit<Visitor, 'scope' | 'token'> & Held>(
    `select p.person_key, p.name, p.role, p.all_domains, p.oidc_checked_at as confirmed_at, t.token_key, t.scopes, t.domains,
            t.used_at is null or t.used_at < $3 as stale,
            array(select d.domain from ruawatch.person_domains d where d.person_key = p.person_key) as granted
       from ruawatch.person_tokens t join ruawatch.people p using (person_key)
      where t.token_hash = $1 and t.ended_at is null and t.ends_at > $2 and p.ended_at is null
        and (p.kind = 'person' or ${serviceHolds('p', '$2')})`,
    [hashOf(token), now, new Date(now.getTime() - NOTED_MS)],
  );
  const found = rows[0];
  if (!found) return null;
  if (found.stale) await q.query('update ruawatch.person_tokens set used_at = $2 where token_key = $1', [found.token_key, now]);
  const { person_key, name, role, token_key, scopes, confirmed_at } = found;
  const scope = await both(q, found.all_domains ? null : found.granted, found.domains);
  return { person_key, name, role, scope, confirmed_at, token: { token_key, scopes } };
}

/** What lies within the grants of the person and within those of the token. */
async function both(q: Queryable, person: readonly string[] | null, token: readonly string[] | null): Promise<Scope> {
  if (person === null && token === null) return { all: true, domains: [] };
  if (person === null || token === null) return scopeOf(q, person ?? token ?? []);
  const within = (grants: readonly string[]) => (domain: string) =>
    grants.some((grant) => domain === grant || domain.endsWith(`.${grant}`));
  const [a, b] = [await scopeOf(q, person), await scopeOf(q, token)];
  const all = [...new Set([...a.domains, ...b.domains])];
  return { all: false, domains: all.filter((one) => within(person)(one) && within(token)(one)) };
}
