import type { Family } from './family.ts';

/** The own server begins to send over IPv6 as well, under its name, to whoever has it. */
export const ipv6Enabled: Family = {
  name: 'ipv6-enabled',
  group: 'reported',
  benign: true,
  source: 'https://support.google.com/a/answer/81126 (IPv6 senders need PTR, SPF or DKIM); RFC 8601 section 2.7.3',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false });
    const selector = random.pick(['mail', 'default']);
    const day = site.day(20);
    const share = 0.2 + 0.6 * random.next();
    const mean = domain.volume * 0.8;
    const active = (d: number) => (d < day ? 1 : 1 - share);
    domain.senders.push(domain.ownServers({ mean, at: 'hetzner', hosts: 1, selector, active }));
    const addresses = domain.hosts('hetzner', random.int(1, 2), 6);
    domain.ownServers({ mean: mean * share, addresses, selector, from: day });
    domain.service('zendesk', { mean: domain.volume * 0.1, aligned: 'dkim' });
    site.trap('IPv6 enabled', domain.name, day, day + 5);
  },
};
