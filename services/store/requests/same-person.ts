import type { Queryable } from '../../shared/runtime/db.ts';

/**
 * All names under which the people with these names have been known. People ask and decide under their
 * addresses, and a provider may give an account another one: whoever had both is one person.
 */
export async function namesOf(q: Queryable, names: readonly string[]): Promise<string[]> {
  const { rows } = await q.query<{ who: string }>(
    `select unnest($1::text[]) as who
     union
     select other.who from ruawatch.person_names one join ruawatch.person_names other using (account) where one.who = any($1)`,
    [names],
  );
  return rows.map(({ who }) => who);
}
