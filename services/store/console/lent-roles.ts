import { type ConsoleScope, consoleGrant } from '../../requests/grants/console.ts';
import type { Queryable } from '../../shared/runtime/db.ts';
import { knownAs } from './people.ts';
import { type PersonRole, ROLES_OF_PEOPLE, type Visitor } from './rights.ts';
import { scopeOf } from './scope.ts';

/** A role that is lent to a person now. */
export interface LentRole {
  grant_key: number;
  role: PersonRole;
  /** Each with the names below it; null for everything. */
  domains: readonly string[] | null;
}

/** How exactly the last use is noted, in seconds. */
const NOTED_S = 60;

/**
 * The roles that are lent to a person now. By the database's clock: a right that is over counts for nothing
 * from that moment.
 */
export async function lentRoles(q: Queryable, person_key: number): Promise<LentRole[]> {
  const { rows } = await q.query<{ grant_key: number; scope: unknown }>(
    `select g.grant_key, g.scope from ruawatch.grants g join ruawatch.people p on g.holder = ${knownAs('p')}
      where p.person_key = $1 and p.kind = 'person' and p.ended_at is null
        and g.kind = 'access.console' and g.holder_kind = 'person' and g.state = 'active' and g.ends_at > clock_timestamp()
        and not ruawatch.is_new_copy()
      order by 1`,
    [person_key],
  );
  return rows.map(({ grant_key, scope }) => ({ grant_key, ...(consoleGrant.scope.parse(scope) as ConsoleScope) }));
}

const rank = (role: PersonRole): number => ROLES_OF_PEOPLE.indexOf(role);

/**
 * The visitor as far as a page is concerned that needs a role: sees what their own role shows, if it is
 * enough, and what each lent role that is enough shows. The role is the least of those, so that it is no more
 * than it should be on any of these domains.
 * @param own the domains granted to the person; null for all
 */
export async function withLentRoles(
  q: Queryable,
  visitor: Visitor,
  lent: readonly LentRole[],
  { least, own }: { least: PersonRole; own: readonly string[] | null },
): Promise<Visitor> {
  if (lent.length === 0) return visitor;
  const base = { grant_key: null, role: visitor.role, domains: own };
  const enough = [base, ...lent].filter(({ role }) => rank(role) >= rank(least));
  if (enough.length === 0) return visitor;
  if (!enough.includes(base))
    await q.query(
      `update ruawatch.grants set last_used_at = clock_timestamp()
        where grant_key = any($1) and (last_used_at is null or last_used_at < clock_timestamp() - make_interval(secs => $2))`,
      [enough.map(({ grant_key }) => grant_key), NOTED_S],
    );
  const all = enough.some(({ domains }) => domains === null);
  const role = enough.map((one) => one.role).reduce((a, b) => (rank(a) <= rank(b) ? a : b));
  const scope = all ? { all, domains: [] } : await scopeOf(q, [...new Set(enough.flatMap(({ domains }) => domains ?? []))]);
  return { ...visitor, role, scope, lent: [{ role: visitor.role, domains: own }, ...lent] };
}

/** Whether a visitor has a role for a domain: by their own rights, or by a lent one. */
export function mayFor(visitor: Visitor | null, least: PersonRole, domain: string): boolean {
  if (visitor === null) return false;
  const covers = (domains: readonly string[] | null) =>
    domains === null || domains.some((one) => domain === one || domain.endsWith(`.${one}`));
  const rights = visitor.lent ?? [{ role: visitor.role, domains: null }];
  return rights.some((one) => rank(one.role) >= rank(least) && covers(one.domains));
}
