import type { Kind, Plan } from './plan.ts';

/** The name of a record, and the names that are aliases of it. */
const namesOf = (change: Plan['changes'][number]): string[] =>
  change.target === 'dns' ? [change.name, ...(change.stands_for ?? [])] : [];

/**
 * The kind as which a plan is decided. Whoever may publish any record could else do by it what is a policy
 * step or a rotation of keys; a wildcard answers for both (RFC 4592), and so does a name that others are
 * aliases of.
 */
export function decidedAs({ kind, changes }: Pick<Plan, 'kind' | 'changes'>): Kind {
  if (kind !== 'dns.change') return kind;
  const labels = changes.flatMap((change) => namesOf(change).flatMap((name) => name.split('.')));
  if (labels.includes('_dmarc') || labels.includes('*')) return 'policy.step';
  return labels.includes('_domainkey') ? 'dkim.rotate' : kind;
}

/**
 * The domains that a plan is about: the one it names, and those between it and the names of its records. A
 * request that names a parent is decided by the rules of the domain that it changes.
 */
export function domainsOf({ domain, changes }: Pick<Plan, 'domain' | 'changes'>): string[] {
  const found = new Set([domain]);
  for (const change of changes) {
    for (const one of namesOf(change)) {
      const labels = one.split('.').filter((label) => label !== '*');
      for (const at of labels.keys()) {
        const name = labels.slice(at).join('.');
        if (name.endsWith(`.${domain}`)) found.add(name);
      }
    }
  }
  return [...found];
}
