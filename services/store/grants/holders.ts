import type { Queryable } from '../../shared/runtime/db.ts';

/**
 * Whether a person may hold a right.
 * @param groups one of which they must be in; empty when it is enough to be known
 */
export async function mayHold(q: Queryable, holder: string, groups: readonly string[]): Promise<boolean> {
  const { rows } = await q.query<{ may: boolean }>(
    `select exists (select from ruawatch.approver_groups where person = $1 and (cardinality($2::text[]) = 0 or name = any($2)))
         or (cardinality($2::text[]) = 0 and exists (select from ruawatch.people p where $1 in (p.name, lower(p.email)) and p.ended_at is null)) as may`,
    [holder, groups],
  );
  return rows[0]!.may;
}
