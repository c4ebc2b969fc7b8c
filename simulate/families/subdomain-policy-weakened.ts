import type { Family } from './family.ts';

/** The record gains sp=none: subdomains can be forged. */
export const subdomainPolicyWeakened: Family = {
  name: 'subdomain-policy-weakened',
  group: 'reported',
  benign: false,
  source: 'RFC 9989 section 4.7 (sp)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ p: random.pick(['quarantine', 'reject']), sp: null });
    const from = site.day(14);
    const to = Math.min(site.days - 1, from + random.int(4, 30));
    domain.publishes({ sp: 'none' }, from, to);
    domain.expect({ what: 'policy_weakened', from, to });
  },
};
