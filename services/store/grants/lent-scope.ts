import { newAuthority } from '../../requests/authority.ts';
import { type DnsGrantScope, dnsGrant } from '../../requests/grants/dns.ts';
import { changedMembers, type Plan } from '../../requests/plan.ts';
import { type Operation, outsideScope } from '../../requests/scope.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import { countUse } from './grants.ts';

/**
 * Takes a use of a grant that a person or service principal holds for DNS changes by requests, if all of
 * these changes are in the scope of one.
 * @returns the grant; null when there is none
 */
export async function useLentScope(
  tx: Tx,
  { holder, holder_kind }: { holder: string; holder_kind: 'person' | 'service' },
  changes: Plan['changes'],
): Promise<number | null> {
  const steps = stepsOf(changes);
  if (steps === null) return null;
  const { rows: domains } = await tx.query<{ domain: string }>("select domain from ruawatch.domains where state = 'own'");
  const own = domains.map(({ domain }) => domain);
  if (changes.some((one) => one.target === 'dns' && newAuthority(one, own) !== null)) return null;
  const { rows } = await tx.query<{ grant_key: number; scope: unknown }>(
    `select grant_key, scope from ruawatch.grants
      where kind = 'access.dns' and scope ->> 'use' = 'requests' and holder = $1 and holder_kind = $2
        and state = 'active' and ends_at > clock_timestamp() order by ends_at`,
    [holder.toLowerCase(), holder_kind],
  );
  for (const { grant_key, scope: given } of rows) {
    const scope = dnsGrant.scope.parse(given) as DnsGrantScope;
    if (steps.every((step) => outsideScope(scope, step) === null) && (await countUse(tx, grant_key))) return grant_key;
  }
  return null;
}

type Step = { name: string; type: string; operation: Operation };

/** What changes add and delete; null when one of them is none of DNS. */
function stepsOf(changes: Plan['changes']): Step[] | null {
  const steps: Step[] = [];
  for (const change of changes) {
    if (change.target !== 'dns') return null;
    const { gone, come, stay } = changedMembers(change);
    const { name, type, ttl } = change;
    const changesTtl = stay.length > 0 && ttl.before !== null && ttl.before !== ttl.after;
    if (come.length > 0) steps.push({ name, type, operation: 'add' });
    if (gone.length > 0 || changesTtl) steps.push({ name, type, operation: 'delete' });
  }
  return steps.length === 0 ? null : steps;
}
