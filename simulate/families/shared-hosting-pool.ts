import type { Family } from './family.ts';

/**
 * A small firm sends through a hoster’s shared servers, each month other ones; the hoster signs with the
 * firm’s key.
 */
export const sharedHostingPool: Family = {
  name: 'shared-hosting-pool',
  group: 'tuning',
  benign: true,
  source: 'SPF of _spf-eu.ionos.com; SPF of spf.kasserver.com; https://www.ionos.com/help/email',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(10, 1_000) });
    const at = random.pick(['kundenserver', 'kasserver', 'ovh'] as const);
    const selector = random.pick(['s1-ionos', 'kas2025', 'ovh1']);
    domain.senders.push(domain.service(at, { mean: domain.volume * 0.7, aligned: 'both', networks: random.int(1, 2), selector }));
    for (let day = random.int(10, 30); day < site.days; day += random.int(10, 30)) {
      domain.service(at, { mean: domain.volume * site.between(0.05, 0.5), aligned: 'both', networks: 1, selector, from: day });
    }
  },
};
