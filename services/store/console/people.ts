import { PermanentError } from '../../shared/errors.ts';
import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { noteAct } from './audit.ts';
import type { PersonRole } from './rights.ts';
import { endTokens } from './tokens.ts';

/** A person who may sign in, without secrets. */
export interface Person {
  person_key: number;
  name: string;
  email: string | null;
  role: PersonRole;
  all_domains: boolean;
  /** Those granted, when not all are. */
  domains: string[];
  has_password: boolean;
  /** Signs in at the company's provider, whose groups say what the person may. */
  of_company: boolean;
  totp_since: Date | null;
  created_at: Date;
  created_by: string;
}

/** What of a person decides whether a sign-in succeeds. */
export interface SignInSecrets {
  person_key: number;
  name: string;
  password: string | null;
  totp_secret: Buffer | null;
  totp_since: Date | null;
  totp_step: number | null;
  locked_until: Date | null;
}

export interface NewPerson {
  name: string;
  email?: string | null;
  role: PersonRole;
  /** Null for all domains. */
  domains: readonly string[] | null;
}

const COLUMNS = `p.person_key, p.name, p.email, p.role, p.all_domains, p.password is not null as has_password,
       p.oidc_subject is not null as of_company, p.totp_since, p.created_at, p.created_by,
       array(select d.domain from ruawatch.person_domains d where d.person_key = p.person_key order by d.domain) as domains`;

/** The people who may sign in, by name. */
export async function listPeople(q: Queryable): Promise<Person[]> {
  const { rows } = await q.query<Person>(
    `select ${COLUMNS} from ruawatch.people p where p.kind = 'person' and p.ended_at is null order by p.name`,
  );
  return rows;
}

/** Names of the people who may act on a domain by rights of their own. */
export async function actingPeople(q: Queryable, domain: string): Promise<string[]> {
  const { rows } = await q.query<{ name: string }>(
    `select p.name from ruawatch.people p
      where p.kind = 'person' and p.ended_at is null and p.role in ('operator', 'admin')
        and (p.all_domains or exists (select from ruawatch.person_domains d
              where d.person_key = p.person_key and ($1 = d.domain or right($1, length(d.domain) + 1) = '.' || d.domain)))
      order by p.name`,
    [domain],
  );
  return rows.map(({ name }) => name);
}

/** A person who may sign in. @param name as it was typed */
export async function findPerson(q: Queryable, name: string): Promise<Person | null> {
  const { rows } = await q.query<Person>(
    `select ${COLUMNS} from ruawatch.people p where p.kind = 'person' and p.ended_at is null and p.name = $1`,
    [nameOf(name)],
  );
  return rows[0] ?? null;
}

/** An account that tokens can be made for: a person's, or a service principal's. */
export interface Account {
  person_key: number;
  name: string;
  kind: 'person' | 'service';
  role: PersonRole;
  /** When a service principal ends; null for a person. */
  ends_at: Date | null;
}

/** @param name as it was typed */
export async function findAccount(q: Queryable, name: string): Promise<Account | null> {
  const { rows } = await q.query<Account>(
    'select person_key, name, kind, role, ends_at from ruawatch.people where ended_at is null and name = $1',
    [nameOf(name)],
  );
  return rows[0] ?? null;
}

/** @param name as it was typed */
export async function signInSecrets(q: Queryable, name: string): Promise<SignInSecrets | null> {
  const { rows } = await q.query<SignInSecrets>(
    `select person_key, name, password, totp_secret, totp_since, totp_step, locked_until from ruawatch.people
      where ended_at is null and name = $1`,
    [nameOf(name)],
  );
  return rows[0] ?? null;
}

/**
 * Letters, digits and what mail addresses have; 2 to 100 characters. In any case, and before it is made lower
 * case: the Kelvin sign would be a k after it.
 */
const PERSON_NAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]{1,99}$/;

/** Whether a person may have this name. @param typed in any case */
export function isPersonName(typed: string): boolean {
  return PERSON_NAME.test(typed.trim());
}

/** Names are compared without case and outer blanks. */
function nameOf(typed: string): string {
  return typed.trim().toLowerCase();
}

/** Whether nobody may sign in yet. */
export async function nobodyYet(q: Queryable): Promise<boolean> {
  const { rows } = await q.query<{ nobody: boolean }>(
    "select not exists (select from ruawatch.people where kind = 'person' and ended_at is null) as nobody",
  );
  return rows[0]!.nobody;
}

/**
 * Adds a person, who cannot sign in before a password was chosen.
 * @throws PermanentError `person_exists`
 */
export async function addPerson(db: Db | Tx, person: NewPerson, by: string, now: Date): Promise<number> {
  const add = async (tx: Queryable) => {
    const { rows } = await tx.query<{ person_key: number }>(
      `insert into ruawatch.people (name, email, role, all_domains, created_at, created_by) values ($1, $2, $3, $4, $5, $6)
       on conflict (name) where ended_at is null do nothing returning person_key`,
      [nameOf(person.name), person.email ?? null, person.role, person.domains === null, now, by],
    );
    const key = rows[0]?.person_key;
    if (key === undefined) throw new PermanentError('person_exists', `There is a person named "${nameOf(person.name)}" already.`);
    await grantDomains(tx, key, person.domains ?? []);
    await noteAct(
      tx,
      { by, act: 'person_added', object: nameOf(person.name), detail: { role: person.role, domains: person.domains } },
      now,
    );
    return key;
  };
  return 'release' in db ? add(db) : transaction(db, add);
}

/** Those of some domains that ruawatch does not know, nor a name below them. */
export async function unknownDomains(q: Queryable, domains: readonly string[]): Promise<string[]> {
  const { rows } = await q.query<{ name: string }>(
    `select name from unnest($1::text[]) name
      where not exists (select from ruawatch.domains d where d.domain = name or right(d.domain, length(name) + 1) = '.' || name)`,
    [domains],
  );
  return rows.map(({ name }) => name);
}

/** Grants domains, each with the names below it. */
export async function grantDomains(q: Queryable, key: number, domains: readonly string[]): Promise<void> {
  await q.query('insert into ruawatch.person_domains (person_key, domain) select distinct $1::bigint, unnest($2::text[])', [
    key,
    domains,
  ]);
}

/**
 * Ends a person's access: sessions, tokens and links end with it.
 * @throws PermanentError `no_person`, `last_admin`
 */
export async function endPerson(db: Db, name: string, by: string, now: Date): Promise<void> {
  await transaction(db, async (tx) => {
    const typed = nameOf(name);
    await keepAnAdmin(tx, typed);
    const { rows } = await tx.query<{ person_key: number }>(
      'update ruawatch.people set ended_at = $2, ended_by = $3 where ended_at is null and name = $1 returning person_key',
      [typed, now, by],
    );
    const key = rows[0]?.person_key;
    if (key === undefined) throw noSuchPerson(typed);
    await tx.query('delete from ruawatch.sessions where person_key = $1', [key]);
    await tx.query('delete from ruawatch.person_links where person_key = $1', [key]);
    await endTokens(tx, key, { by }, now);
    await noteAct(tx, { by, act: 'person_removed', object: typed }, now);
  });
}

/**
 * Changes what a person may do and see. Their sessions and tokens end: what comes next has the new rights.
 * @throws PermanentError `no_person`, `last_admin`, `service_no_admin`
 */
export async function changePerson(
  db: Db,
  name: string,
  { role, domains }: Pick<NewPerson, 'role' | 'domains'>,
  { by, now }: { by: string; now: Date },
): Promise<void> {
  const typed = nameOf(name);
  await transaction(db, async (tx) => {
    if (!(role === 'admin' && domains === null)) await keepAnAdmin(tx, typed);
    if (role === 'admin' && (await findAccount(tx, typed))?.kind === 'service')
      throw new PermanentError('service_no_admin', `${typed} is a service principal, and none is an admin.`);
    const { rows } = await tx.query<{ person_key: number }>(
      'update ruawatch.people set role = $2, all_domains = $3 where ended_at is null and name = $1 returning person_key',
      [typed, role, domains === null],
    );
    const key = rows[0]?.person_key;
    if (key === undefined) throw noSuchPerson(typed);
    await tx.query('delete from ruawatch.person_domains where person_key = $1', [key]);
    await grantDomains(tx, key, domains ?? []);
    await tx.query('delete from ruawatch.sessions where person_key = $1', [key]);
    await endTokens(tx, key, { by }, now);
    await noteAct(tx, { by, act: 'person_changed', object: typed, detail: { role, domains } }, now);
  });
}

/** Refuses to take the last admin away. Two admins who remove each other: the second one waits here. */
async function keepAnAdmin(tx: Tx, name: string): Promise<void> {
  const { rows: admins } = await tx.query<{ name: string }>(
    `select name from ruawatch.people where ended_at is null and role = 'admin' and all_domains order by person_key for update`,
  );
  if (admins.length === 1 && admins[0]!.name === name)
    throw new PermanentError('last_admin', `${name} is the last admin who sees all domains: add another one first.`);
}

const noSuchPerson = (name: string) =>
  new PermanentError('no_person', `There is no person named "${name}": "ruawatch people list" lists them.`);

/**
 * Keeps a new password. All sessions and tokens of the person end, and passkeys go: whoever made them may be
 * the reason.
 */
export async function putPassword(tx: Tx, key: number, password: string, { by, now }: { by: string; now: Date }): Promise<void> {
  await tx.query('update ruawatch.people set password = $2, failures = 0, locked_until = null where person_key = $1', [
    key,
    password,
  ]);
  await tx.query('delete from ruawatch.sessions where person_key = $1', [key]);
  await tx.query('delete from ruawatch.passkeys where person_key = $1', [key]);
  await tx.query('delete from ruawatch.person_links where person_key = $1', [key]);
  await endTokens(tx, key, { by }, now);
}

/** Failures after which an account is locked, and for how long at least and at most, in milliseconds. */
const TRIES = 5;
const FIRST_LOCK_MS = 60_000;
const LONGEST_LOCK_MS = 15 * 60_000;

/** Counts a sign-in that failed. After five, the account is locked for a time that doubles. */
export async function countFailure(q: Queryable, key: number, now: Date): Promise<void> {
  await q.query(
    `update ruawatch.people
        set failures = failures + 1,
            locked_until = case when failures + 1 >= $3
              then $2::timestamptz + least($5::float8, $4::float8 * 2 ^ least(failures + 1 - $3, 20)) * interval '1 millisecond' end
      where person_key = $1`,
    [key, now, TRIES, FIRST_LOCK_MS, LONGEST_LOCK_MS],
  );
}

/**
 * Notes a sign-in that succeeded, and the step of the code that was used.
 * @returns false when another sign-in has used the same code
 */
export async function countSuccess(q: Queryable, key: number, step: number | null): Promise<boolean> {
  const { rowCount } = await q.query(
    `update ruawatch.people set failures = 0, locked_until = null, totp_step = coalesce($2, totp_step)
      where person_key = $1 and ended_at is null and ($2::bigint is null or totp_step is null or totp_step < $2)`,
    [key, step],
  );
  return rowCount === 1;
}

/** Keeps the secret of a code generator, which counts once it is confirmed. */
export async function proposeTotp(q: Queryable, key: number, secret: Buffer): Promise<void> {
  await q.query('update ruawatch.people set totp_secret = $2, totp_since = null, totp_step = null where person_key = $1', [
    key,
    secret,
  ]);
}

/** @param step that of the code which confirmed it */
export async function confirmTotp(q: Queryable, key: number, step: number, now: Date): Promise<void> {
  await q.query('update ruawatch.people set totp_since = $2, totp_step = $3 where person_key = $1 and totp_secret is not null', [
    key,
    now,
    step,
  ]);
}

/** Turns the code generator off. Tokens that decide were made with its codes, and end. */
export async function removeTotp(q: Queryable, key: number, { by, now }: { by: string; now: Date }): Promise<void> {
  await endTokens(q, key, { by, scope: 'decide' }, now);
  await q.query('update ruawatch.people set totp_secret = null, totp_since = null, totp_step = null where person_key = $1', [
    key,
  ]);
}

/**
 * How a person is known in the groups of approvals: by the mail address, else by the name. Lower case.
 * @throws PermanentError `no_person`, `no_address`, and `service_decides_nothing` for a service principal
 */
export async function approverOf(q: Queryable, person_key: number): Promise<string> {
  const { requester, requester_kind } = await askerWith(q, person_key);
  if (requester_kind === 'service')
    throw new PermanentError('service_decides_nothing', `${requester} is a service principal: only people decide.`);
  return requester;
}

/**
 * SQL: under which name an account asks, decides and holds rights. The name of an account of a provider may
 * be the address that it had first: where the provider has taken that away, it is null. @param row an alias
 * of ruawatch.people
 */
export const knownAs = (row: string): string =>
  `lower(coalesce(${row}.email, case when ${row}.oidc_subject is null or ${row}.name not like '%@%' then ${row}.name end))`;

/** In whose name an account asks for something. @throws PermanentError `no_person`, `no_address` */
export async function askerWith(
  q: Queryable,
  person_key: number,
): Promise<{ requester: string; requester_kind: 'person' | 'service' }> {
  const { rows } = await q.query<{ requester: string | null; requester_kind: 'person' | 'service' }>(
    `select ${knownAs('p')} as requester, kind as requester_kind from ruawatch.people p where person_key = $1 and ended_at is null`,
    [person_key],
  );
  const found = rows[0];
  if (found === undefined) throw new PermanentError('no_person', 'Your account was removed.');
  if (found.requester === null)
    throw new PermanentError(
      'no_address',
      "Your company's provider does not say any more that your mail address is yours: have it verified there, and sign in again.",
    );
  return { ...found, requester: found.requester };
}
