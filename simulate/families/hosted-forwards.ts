import type { Family } from './family.ts';

/**
 * Customers of hosters forward their mailboxes (.forward): shared servers of well-known hosters pass our mail
 * on.
 */
export const hostedForwards: Family = {
  name: 'hosted-forwards',
  group: 'tuning',
  benign: true,
  source: 'RFC 7960 section 3.2.1 (aliases and .forward)',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const count = random.int(2, 8);
    for (let i = 0; i < count; i++) {
      const at = random.pick(['kundenserver', 'kasserver', 'ovh'] as const);
      const addresses = domain.networks(at, 1);
      const srs = random.chance(0.4) ? `${random.pick(['web', 'host', 'srv'])}${random.int(1, 99)}.${at}-customer.example` : null;
      domain.forwarder({ mean: site.between(0.2, 6), addresses, srs, from: random.int(0, site.days - 10) });
    }
  },
};
