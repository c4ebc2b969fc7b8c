import { PermanentError } from '../../shared/errors.ts';
import type { Queryable } from '../../shared/runtime/db.ts';
import type { Access } from '../../shared/settings/access.ts';

/**
 * Refuses settings without a target that still lends: its grants could not be ended there any more.
 * @throws PermanentError `target_lends`
 */
export async function checkTargets(q: Queryable, { databases }: Access): Promise<void> {
  const { rows } = await q.query<{ server: string; grants: number[] }>(
    `select server, array_agg(grant_key order by grant_key) as grants from ruawatch.grants
      where kind = 'access.database' and state in ('applying', 'active', 'ending') and server <> all($1) group by 1 order by 1`,
    [databases.map(({ name }) => name)],
  );
  const [first] = rows;
  if (first === undefined) return;
  throw new PermanentError(
    'target_lends',
    `The settings (access.database) no longer have ${first.server}, which still lends: put it back, run "ruawatch access end --all --why …" while the applier runs, and remove it then. Its grants: ${first.grants.slice(0, 10).join(', ')}.`,
  );
}
