import type { Kind, Plan } from './plan.ts';

/**
 * The kind as which a plan is decided. Whoever may publish any record could else do by it what is a policy step or a rotation of
 * keys; a wildcard answers for both (RFC 4592).
 */
export function decidedAs({ kind, changes }: Pick<Plan, 'kind' | 'changes'>): Kind {
  if (kind !== 'dns.change') return kind;
  const labels = changes.flatMap((change) => (change.target === 'dns' ? change.name.split('.') : []));
  if (labels.includes('_dmarc') || labels.includes('*')) return 'policy.step';
  return labels.includes('_domainkey') ? 'dkim.rotate' : kind;
}

/**
 * The domains that a plan is about: the one it names, and those between it and the names of its records. A request that names a
 * parent is decided by the rules of the domain that it changes.
 */
export function domainsOf({ domain, changes }: Pick<Plan, 'domain' | 'changes'>): string[] {
  const found = new Set([domain]);
  for (const change of changes) {
    if (change.target !== 'dns') continue;
    const labels = change.name.split('.').filter((label) => label !== '*');
    for (let at = 0; at < labels.length; at++) {
      const name = labels.slice(at).join('.');
      if (name.endsWith(`.${domain}`)) found.add(name);
    }
  }
  return [...found];
}
