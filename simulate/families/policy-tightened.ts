import type { Family } from './family.ts';

/** The policy goes the usual way: none, quarantine, reject. */
export const policyTightened: Family = {
  name: 'policy-tightened',
  group: 'tuning',
  benign: true,
  source: 'RFC 9989 (p=none first); M3AAWG Email Authentication Best Practices (2020)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ p: 'none', sp: null });
    const first = site.day(25, 25);
    const second = first + random.int(8, 20);
    domain.publishes({ p: 'quarantine' }, first, second - 1);
    domain.publishes({ p: 'reject' }, second);
    site.trap('policy tightened', domain.name, first, second);
  },
};
