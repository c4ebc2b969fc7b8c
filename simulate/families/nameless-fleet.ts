import type { Family } from './family.ts';

/**
 * Own mailers on rented machines without any reverse name, a network each: newsletters go out in peaks
 * through all.
 */
export const namelessFleet: Family = {
  name: 'nameless-fleet',
  group: 'tuning',
  benign: true,
  source: 'https://docs.digitalocean.com/platform/faq (no PTR until the droplet is named); RFC 1912 section 2.1',
  plant(site) {
    const { random } = site;
    const volume = site.between(100, 10_000);
    const domain = site.domain({ usual: false, volume });
    domain.senders.push(domain.ownServers({ mean: volume * 0.4, hosts: 1, selector: 'office' }));
    const addresses = domain.networks('digitalocean', random.int(3, 12));
    const period = random.int(7, 32);
    const factor = site.between(4, 15);
    domain.mail('fleet', {
      mean: volume * 0.15,
      addresses,
      dkim: [domain.own(random.pick(['news', 'bulk']))],
      active: (day) => (day % period === 0 ? factor : 1),
      k: 4,
    });
  },
};
