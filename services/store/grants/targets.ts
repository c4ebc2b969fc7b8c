import type { GrantKindName } from '../../requests/grants/kinds.ts';
import { HELD } from '../../requests/grants/message.ts';
import { PermanentError } from '../../shared/errors.ts';
import type { Queryable } from '../../shared/runtime/db.ts';
import type { Access } from '../../shared/settings/access.ts';

/**
 * Refuses settings without a target that still lends: its grants could not be ended there any more.
 * @throws PermanentError `target_lends`
 */
export async function checkTargets(q: Queryable, access: Access): Promise<void> {
  const { rows } = await q.query<{ kind: GrantKindName; server: string; grants: number[] }>(
    `select kind, server, array_agg(grant_key order by grant_key) as grants from ruawatch.grants
      where state in ('applying', 'active', 'ending') group by 1, 2 order by 1, 2`,
  );
  const first = rows.find(({ kind, server }) => !targetsOf(access)[kind].includes(server));
  if (first === undefined) return;
  throw new PermanentError(
    'target_lends',
    `The settings (${SETTINGS[first.kind]}) no longer have ${first.server}, which still lends: put it back, run "ruawatch access end --all --why …" while the applier runs, and remove it then. Its grants: ${first.grants.slice(0, 10).join(', ')}.`,
  );
}

/** Where the targets of each kind are in the settings. */
export const SETTINGS: Record<GrantKindName, string> = {
  'access.database': 'access.database',
  'access.dns': 'access.dns',
  'access.email': 'access.email',
  'access.dns-provider': 'access.dns_provider',
  'access.console': 'access.console',
  'access.message': 'milter.hold',
};

function targetsOf({ databases, dns, mail, providers, console: lent }: Access): Record<GrantKindName, string[]> {
  const names = (all: readonly { name: string }[]) => all.map(({ name }) => name);
  return {
    'access.database': names(databases),
    'access.dns': names(dns),
    'access.email': names(mail),
    'access.dns-provider': names(providers),
    'access.console': lent === null ? [] : [lent.name],
    'access.message': [HELD],
  };
}
