import type { Family } from './family.ts';

/** One of the domain’s own hosts is not signed and stands outside SPF, after a change on it. */
export const ownHostUnsigned: Family = {
  name: 'own-host-unsigned',
  group: 'tuning',
  benign: false,
  source: 'RFC 7208 section 10.1',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false });
    const selector = 'mail';
    const hosts = domain.hosts('hetzner', 2);
    const third = domain.hosts(random.pick(['hetzner', 'digitalocean'] as const), 1);
    domain.senders.push(domain.ownServers({ mean: domain.volume * 0.6, addresses: hosts, selector }));
    const host = domain.ownServers({ mean: domain.volume * 0.3, addresses: third, selector });
    const from = site.day(14);
    const to = Math.min(site.days - 1, from + random.int(5, 40));
    const broken = domain.breaks(host, { from, to, share: 1, mechanism: 'both' });
    domain.expect(
      { what: 'broken', from, to, least: 'medium', never: [/forger|not authorised|unauthorized/i] },
      { breaks: [broken] },
    );
  },
};
