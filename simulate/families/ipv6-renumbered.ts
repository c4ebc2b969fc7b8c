import type { Family } from './family.ts';

/**
 * The provider gives the own servers another IPv6 prefix: all addresses change, the keys stay, names follow
 * days later or never.
 */
export const ipv6Renumbered: Family = {
  name: 'ipv6-renumbered',
  group: 'tuning',
  benign: true,
  source: 'RFC 4192 (renumbering an IPv6 network); RFC 8601 section 2.7.3',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false });
    const selector = random.pick(['mail', 'default', 'dkim']);
    const hosts = random.int(1, 3);
    const mean = domain.volume * (0.3 + 0.6 * random.next());
    const overlap = random.chance(0.5) ? random.int(1, 5) : 0;
    const named = random.chance(0.6);
    const server = () => (named ? domain.hosts('hetzner', hosts, 6) : domain.networks('hetzner', 1, 6).slice(0, hosts));
    let day = 0;
    for (let from = site.day(20); ; from += random.int(15, 60)) {
      const to = from - 1 + overlap;
      const flow = domain.ownServers({ mean, addresses: server(), selector, from: day, to });
      if (day === 0) domain.senders.push(flow);
      day = from;
      if (from + 60 > site.days || random.chance(0.5)) break;
      site.trap('IPv6 renumbered', domain.name, from, from + 5);
    }
    domain.ownServers({ mean, addresses: server(), selector, from: day });
    site.trap('IPv6 renumbered', domain.name, day, day + 5);
    if (random.chance(0.6)) domain.service('zendesk', { mean: domain.volume * 0.2, aligned: 'dkim' });
    if (random.chance(0.6)) domain.forwarder({ mean: Math.max(0.3, domain.volume * 0.01) });
  },
};
