import type { Family } from './family.ts';

/**
 * A fleet of own mailers without reverse names is taken over: many times the mail through each of its
 * networks.
 */
export const namelessFleetTakeover: Family = {
  name: 'nameless-fleet-takeover',
  group: 'tuning',
  benign: false,
  source: 'M3AAWG Anti-Abuse Best Common Practices for Hosting and Cloud Service Providers (2015)',
  plant(site) {
    const { random } = site;
    const volume = site.between(100, 5_000);
    const domain = site.domain({ usual: false, volume });
    domain.senders.push(domain.ownServers({ mean: volume * 0.5, hosts: 1, selector: 'office' }));
    const addresses = domain.networks('digitalocean', random.int(3, 12));
    const dkim = [domain.own('app')];
    domain.mail('fleet', { mean: volume * 0.5, addresses, dkim, k: 8 });
    const from = site.day(8);
    const to = from + random.int(0, 4);
    const mean = Math.max(400, volume * site.between(4, 30));
    const flow = domain.mail('fleet taken over', { mean, addresses, dkim, from, to, weekend: 1, k: 8 });
    domain.expect({ what: 'takeover', from, to, least: 'low' }, { flows: [flow] });
  },
};
