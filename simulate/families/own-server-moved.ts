import type { Family } from './family.ts';

/** The domain's own server gets a new address, at another hoster's or in IPv6; name and key stay. */
export const ownServerMoved: Family = {
  name: 'own-server-moved',
  group: 'tuning',
  benign: true,
  source: 'RFC 8601 section 2.7.3 (iprev); https://docs.hetzner.com/cloud/servers/cloud-server-rdns',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false });
    const at = ['hetzner', 'digitalocean'] as const;
    const selector = random.pick(['mail', 'default', 'dkim']);
    const day = site.day(20);
    const hosts = random.int(1, 2);
    const mean = domain.volume * (0.5 + 0.5 * random.next());
    const overlap = random.chance(0.3) ? random.int(1, 4) : 0;
    domain.senders.push(domain.ownServers({ mean, hosts, at: random.pick(at), selector, to: day - 1 + overlap }));
    const addresses = domain.hosts(random.pick(at), hosts, random.chance(0.3) ? 6 : 4);
    domain.ownServers({ mean, addresses, selector, from: day });
    if (random.chance(0.5)) domain.service('zendesk', { mean: domain.volume * 0.2, aligned: 'dkim' });
    site.trap('own server moved', domain.name, day, day + 5);
  },
};
