import type pg from 'pg';

/** Where Dovecot and Postfix read lent accounts (docs/access.md has their queries). */
const SCHEMA = 'ruawatch_mail';

/**
 * The SQL that makes a database able to lend mail accounts, for whoever owns it.
 * @param login of the service @param reader the login of Dovecot and Postfix
 */
export const mailSetup = (login: string, reader: string): string => {
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
  return `create schema if not exists ${SCHEMA};
create table if not exists ${SCHEMA}.accounts (
  login    text primary key,
  password text not null,
  sender   text not null,
  ends_at  timestamptz not null
);
-- What mail servers see: accounts whose time is not over, whatever else runs.
create or replace view ${SCHEMA}.current_accounts as
  select login, password, sender from ${SCHEMA}.accounts where ends_at > clock_timestamp();
grant usage on schema ${SCHEMA} to ${quoted(login)}, ${quoted(reader)};
grant select, insert, delete on ${SCHEMA}.accounts to ${quoted(login)};
grant select on ${SCHEMA}.current_accounts to ${quoted(reader)};`;
};

/** Adds an account, or finds it added. @returns its end, which the mail servers enforce by themselves */
export async function addMailAccount(
  client: pg.Client,
  { name, password, from, seconds }: { name: string; password: string; from: string; seconds: number },
): Promise<Date> {
  const { rows } = await client.query<{ ends_at: Date }>(
    `with made as (
       insert into ${SCHEMA}.accounts (login, password, sender, ends_at) values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
       on conflict (login) do nothing returning ends_at)
     select ends_at from made union all select ends_at from ${SCHEMA}.accounts where login = $1`,
    [name, password, from, seconds],
  );
  return rows[0]!.ends_at;
}

/** @returns whether there was one */
export async function removeMailAccount(client: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await client.query(`delete from ${SCHEMA}.accounts where login = $1`, [name]);
  return rowCount === 1;
}

/** The logins that begin with a mark. */
export async function mailAccounts(client: pg.Client, mark: string): Promise<string[]> {
  const { rows } = await client.query<{ login: string }>(
    `select login from ${SCHEMA}.accounts where starts_with(login, $1) order by 1`,
    [mark],
  );
  return rows.map(({ login }) => login);
}
