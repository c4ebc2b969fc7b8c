import { PermanentError } from '../../shared/errors.ts';
import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import { noteAct } from './audit.ts';
import { grantDomains, isPersonName, type NewPerson } from './people.ts';
import { endSessions } from './sessions.ts';
import { endTokens } from './tokens.ts';

/** Who somebody is, as the provider says, and what their groups allow. */
export interface CompanyPerson {
  issuer: string;
  subject: string;
  name: string;
  email: string | null;
  rights: Pick<NewPerson, 'role' | 'domains'>;
  /** The refresh token, encrypted; null where the provider gave none. */
  refresh: Buffer | null;
}

/**
 * Finds or adds the person of a provider's account, with the rights of their groups. An account with a
 * password is never taken over: it has another owner as far as anybody knows.
 * @throws PermanentError `person_exists`, `wrong_name`
 */
export async function companyPerson(
  db: Db,
  { issuer, subject, name, email, rights, refresh }: CompanyPerson,
  now: Date,
): Promise<{ person_key: number; name: string }> {
  return transaction(db, async (tx) => {
    const { rows } = await tx.query<{ person_key: number; name: string }>(
      `select person_key, name from ruawatch.people where ended_at is null and oidc_issuer = $1 and oidc_subject = $2 for update`,
      [issuer, subject],
    );
    const known = rows[0];
    if (known !== undefined) {
      await setRights(tx, known, rights, now);
      await tx.query('update ruawatch.people set email = $2, oidc_refresh = $3, oidc_checked_at = $4 where person_key = $1', [
        known.person_key,
        email,
        refresh,
        now,
      ]);
      return known;
    }
    const own = name.trim().toLowerCase();
    if (!isPersonName(name))
      throw new PermanentError('wrong_name', `The provider calls you "${own}", which is no name for a person here.`);
    const added = await tx.query<{ person_key: number }>(
      `insert into ruawatch.people (name, email, role, all_domains, created_at, created_by, oidc_issuer, oidc_subject, oidc_refresh, oidc_checked_at)
       values ($1, $2, $3, $4, $5, $6, $6, $7, $8, $5)
       on conflict do nothing returning person_key`,
      [own, email, rights.role, rights.domains === null, now, issuer, subject, refresh],
    );
    const person_key = added.rows[0]?.person_key;
    if (person_key === undefined)
      throw new PermanentError(
        'person_exists',
        `There is an account named "${own}" that is not of the company's provider: an admin removes it first.`,
      );
    await grantDomains(tx, person_key, rights.domains ?? []);
    await noteAct(tx, { by: issuer, act: 'person_added', object: own, detail: { ...rights } }, now);
    return { person_key, name: own };
  });
}

/**
 * Gives a person the rights of their groups. Where they had others, sessions and tokens end. @returns whether
 * they did
 */
async function setRights(
  tx: Tx,
  { person_key, name }: { person_key: number; name: string },
  { role, domains }: CompanyPerson['rights'],
  now: Date,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update ruawatch.people p set role = $2, all_domains = $3
      where person_key = $1 and (role <> $2 or all_domains <> $3
         or array(select domain from ruawatch.person_domains d where d.person_key = p.person_key order by domain)
            <> array(select distinct g from unnest($4::text[]) g order by g))`,
    [person_key, role, domains === null, domains ?? []],
  );
  if (rowCount === 0) return false;
  await tx.query('delete from ruawatch.person_domains where person_key = $1', [person_key]);
  await grantDomains(tx, person_key, domains ?? []);
  await endSessions(tx, person_key);
  await endTokens(tx, person_key, { by: 'the groups of the provider' }, now);
  await noteAct(tx, { by: 'the groups of the provider', act: 'person_changed', object: name, detail: { role, domains } }, now);
  return true;
}

/** What the provider says now: the address and the rights, or null when the person may no longer sign in. */
export type Confirmed = Pick<CompanyPerson, 'email' | 'rights' | 'refresh'> | null;

/**
 * Has the provider confirm a person, one request at a time. Where it no longer does, sessions and tokens end.
 * @param ask asks the provider; not called when somebody else just did
 * @returns whether the person is confirmed with the same rights as before
 */
export async function confirmCompanyPerson(
  db: Db,
  person_key: number,
  { due, now }: { due: Date; now: Date },
  ask: (refresh: Buffer | null, subject: string) => Promise<Confirmed>,
): Promise<boolean> {
  return transaction(db, async (tx) => {
    const { rows } = await tx.query<{ name: string; oidc_subject: string; oidc_refresh: Buffer | null; oidc_checked_at: Date }>(
      'select name, oidc_subject, oidc_refresh, oidc_checked_at from ruawatch.people where person_key = $1 and ended_at is null for update',
      [person_key],
    );
    const found = rows[0];
    if (found === undefined) return false;
    if (found.oidc_checked_at > due) return true;
    const confirmed = await ask(found.oidc_refresh, found.oidc_subject);
    if (confirmed === null) {
      await endSessions(tx, person_key);
      await endTokens(tx, person_key, { by: "the company's provider" }, now);
      await noteAct(tx, { by: "the company's provider", act: 'person_not_confirmed', object: found.name }, now);
      return false;
    }
    await tx.query('update ruawatch.people set email = $2, oidc_refresh = $3, oidc_checked_at = $4 where person_key = $1', [
      person_key,
      confirmed.email,
      confirmed.refresh,
      now,
    ]);
    return !(await setRights(tx, { person_key, name: found.name }, confirmed.rights, now));
  });
}
