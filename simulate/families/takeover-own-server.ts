import type { Family } from './family.ts';

/** The own server sends spam: a script or an account on it was taken over. */
export const takeoverOwnServer: Family = {
  name: 'takeover-own-server',
  group: 'reported',
  benign: false,
  source: 'M3AAWG Anti-Abuse Best Common Practices for Hosting and Cloud Service Providers (2015); RFC 5068',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(10, 3_000) });
    const main = domain.ownServers({ mean: domain.volume, hosts: random.int(1, 2) });
    domain.senders.push(main);
    const from = site.day(8);
    const to = from + random.int(0, 5);
    const mean = Math.max(150, domain.volume * site.between(5, 80));
    const flow = domain.mail('taken over', { mean, addresses: main.addresses, dkim: main.dkim, from, to, weekend: 1, k: 8 });
    domain.expect(
      { what: 'takeover', from, to, least: 'medium', says: [/taken over|compromised|account|script/i] },
      { flows: [flow] },
    );
  },
};
