import type { Queryable } from '../../shared/runtime/db.ts';

/**
 * SQL: whether a text is somebody: in a group of approvals, or with an account of a person. @param who an
 * expression
 */
export const isKnown = (who: string): string =>
  `(exists (select from ruawatch.approver_groups known_in where known_in.person = ${who})
     or exists (select from ruawatch.people known where known.kind = 'person' and known.ended_at is null and ${who} in (known.name, lower(known.email))))`;

/**
 * SQL: whether a service principal holds: it has not ended, its time is not over, and its owner is somebody.
 * @param row an alias of ruawatch.people @param at an expression of the moment
 */
export const serviceHolds = (row: string, at: string): string =>
  `(${row}.kind = 'service' and ${row}.ended_at is null and ${row}.ends_at > ${at} and ${isKnown(`${row}.owner`)})`;

/**
 * Whether a person may hold a right.
 * @param groups one of which they must be in; empty when it is enough to be known
 */
export async function mayHold(q: Queryable, holder: string, groups: readonly string[]): Promise<boolean> {
  const { rows } = await q.query<{ may: boolean }>(
    `select case when cardinality($2::text[]) = 0 then ${isKnown('$1')}
                 else exists (select from ruawatch.approver_groups where person = $1 and name = any($2)) end as may`,
    [holder, groups],
  );
  return rows[0]!.may;
}

/** Whether a service principal of that name holds now. */
export async function serviceMayHold(q: Queryable, name: string): Promise<boolean> {
  const { rows } = await q.query<{ may: boolean }>(
    `select exists (select from ruawatch.people p where p.name = $1 and ${serviceHolds('p', 'clock_timestamp()')}) as may`,
    [name],
  );
  return rows[0]!.may;
}

/**
 * Who answers for a service principal, by all names that they decide under: they do not decide what it asks
 * for.
 */
export async function ownersOfService(q: Queryable, name: string): Promise<string[]> {
  const { rows } = await q.query<{ who: string }>(
    `select s.owner as who from ruawatch.people s where s.kind = 'service' and s.name = $1
     union
     select lower(coalesce(p.email, p.name)) from ruawatch.people s join ruawatch.people p on p.kind = 'person' and s.owner in (p.name, lower(p.email))
      where s.kind = 'service' and s.name = $1`,
    [name],
  );
  return rows.map(({ who }) => who);
}
