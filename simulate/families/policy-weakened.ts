import type { Family } from './family.ts';

/** The record says p=none where it said reject or quarantine. */
export const policyWeakened: Family = {
  name: 'policy-weakened',
  group: 'tuning',
  benign: false,
  source: 'RFC 9989 section 4.7',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ p: random.pick(['quarantine', 'reject']), sp: null });
    const from = site.day(14);
    const to = Math.min(site.days - 1, from + random.int(4, 30));
    domain.publishes({ p: 'none' }, from, to);
    domain.expect({ what: 'policy_weakened', from, to });
  },
};
