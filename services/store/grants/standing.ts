import type pg from 'pg';
import type { ManualChange } from '../../requests/plan.ts';
import type { Queryable } from '../../shared/runtime/db.ts';
import { GRANTS, SERVICE_ROLES } from '../schema/role-rights.ts';

/** A role of a Postgres server that can log in. */
export interface LoginRole {
  name: string;
  superuser: boolean;
  /** Makes roles, databases or copies of the database. */
  creates: string[];
  groups: string[];
  valid_until: Date | null;
  /** Sessions of this moment, and the oldest of them: what Postgres knows of its use. */
  sessions: number;
  since: Date | null;
}

/** The roles of a server that can log in, without those that are lent. */
export async function loginRoles(q: Queryable | pg.Client): Promise<LoginRole[]> {
  const { rows } = await (q as Queryable).query<LoginRole>(
    `select r.rolname::text as name, r.rolsuper as superuser,
            array_remove(array[case when r.rolcreaterole then 'roles' end, case when r.rolcreatedb then 'databases' end,
                               case when r.rolreplication then 'replicas' end], null) as creates,
            array(select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid order by 1) as groups,
            nullif(r.rolvaliduntil, 'infinity') as valid_until, count(a.pid)::int as sessions, min(a.backend_start) as since
       from pg_roles r left join pg_stat_activity a on a.usesysid = r.oid
      where r.rolcanlogin and not starts_with(r.rolname, 'ruawatch_lent_')
      group by r.oid, r.rolname, r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolvaliduntil order by 1`,
  );
  return rows;
}

/** When somebody who may sign in last did, and a token was last used; null for never. */
export interface LastUse {
  people: { name: string; role: string; all_domains: boolean; domains: string[]; used_at: Date | null }[];
  tokens: { token_key: number; person: string; name: string; scopes: string[]; ends_at: Date; used_at: Date | null }[];
}

/** The people and tokens that hold. */
export async function lastUses(q: Queryable): Promise<LastUse> {
  const { rows: people } = await q.query<LastUse['people'][number]>(
    `select p.name, p.role, p.all_domains,
            array(select d.domain from ruawatch.person_domains d where d.person_key = p.person_key order by 1) as domains,
            greatest((select max(s.used_at) from ruawatch.sessions s where s.person_key = p.person_key),
                     (select max(a.at) from ruawatch.console_acts a where a.person_key = p.person_key and a.act = 'signed_in')) as used_at
       from ruawatch.people p where p.kind = 'person' and p.ended_at is null order by p.name`,
  );
  const { rows: tokens } = await q.query<LastUse['tokens'][number]>(
    `select t.token_key, p.name as person, t.name, t.scopes, t.ends_at, t.used_at
       from ruawatch.person_tokens t join ruawatch.people p using (person_key)
      where t.ended_at is null and t.ends_at > clock_timestamp() and p.ended_at is null order by 1`,
  );
  return { people, tokens };
}

/** When each target of changes was last used, by its name. */
export async function lastChanges(q: Queryable): Promise<Map<string, Date>> {
  const { rows } = await q.query<{ target: string; at: Date }>(
    "select target, max(coalesce(settled_at, intended_at)) as at from ruawatch.changes where state = 'applied' group by 1",
  );
  return new Map(rows.map(({ target, at }) => [target, at]));
}

/** A right of one of our roles that services/store/schema/role-rights.ts does not give it. */
export interface Excess {
  role: string;
  /** Such as "delete on ruawatch.reports". */
  right: string;
}

/** What our own roles have beyond what their services need. Empty where the roles were never made. */
export async function excessRights(q: Queryable): Promise<Excess[]> {
  const { rows } = await q.query<{ role: keyof typeof GRANTS; table: string; privilege: string }>(
    `select g.grantee::text as role, g.table_name::text as table, lower(g.privilege_type) as privilege
       from information_schema.role_table_grants g
      where g.table_schema = 'ruawatch' and g.grantee = any($1::text[]) order by 1, 2, 3`,
    [SERVICE_ROLES],
  );
  const { rows: kinds } = await q.query<Excess>(
    `select r.rolname::text as role,
            case when r.rolsuper then 'to be a superuser' when r.rolcanlogin then 'to log in by itself'
                 when r.rolcreaterole then 'to make roles' else format('to be a member of %s', g.rolname) end as right
       from pg_roles r left join pg_auth_members m on m.member = r.oid left join pg_roles g on g.oid = m.roleid
      where r.rolname = any($1::text[]) and (r.rolsuper or r.rolcanlogin or r.rolcreaterole or g.oid is not null) order by 1`,
    [SERVICE_ROLES],
  );
  const beyond = rows.filter(({ role, table, privilege }) => {
    const allowed = (GRANTS[role] as Record<string, readonly string[]>)[table] ?? [];
    return !allowed.includes(privilege);
  });
  return [...kinds, ...beyond.map(({ role, table, privilege }) => ({ role, right: `to ${privilege} in ruawatch.${table}` }))];
}

/** Who this connection is, and whether it may do everything. */
export async function whoAmI(q: Queryable): Promise<{ name: string; superuser: boolean; owner: boolean }> {
  const { rows } = await q.query<{ name: string; superuser: boolean; owner: boolean }>(
    `select current_user::text as name, rolsuper as superuser,
            exists (select from pg_class where oid = 'ruawatch.grants'::regclass and relowner = r.oid) as owner
       from pg_roles r where rolname = current_user`,
  );
  return rows[0]!;
}

/** Whether a right that was to be taken away is gone: null where the database cannot say. */
export async function isGone(q: Queryable, { seen }: Pick<ManualChange, 'seen'>): Promise<boolean | null> {
  switch (seen.by) {
    case 'token': {
      const { rows } = await q.query<{ there: boolean }>(
        'select exists (select from ruawatch.person_tokens where token_key = $1 and ended_at is null and ends_at > clock_timestamp()) as there',
        [Number(seen.id)],
      );
      return !rows[0]!.there;
    }
    case 'person': {
      const [name, role] = [seen.id, seen.value];
      const { rows } = await q.query<{ there: boolean }>(
        'select exists (select from ruawatch.people where name = $1 and role = $2 and ended_at is null) as there',
        [name, role],
      );
      return !rows[0]!.there;
    }
    case 'role': {
      const { rows } = await q.query<{ there: boolean }>(
        'select exists (select from pg_roles where rolname = $1 and rolcanlogin) as there',
        [seen.id],
      );
      return !rows[0]!.there;
    }
    case 'settings':
      return null;
  }
}
