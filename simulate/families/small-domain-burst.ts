import type { Family } from './family.ts';

/** A club of five mails a day sends sixty invitations in one day, from its own server. */
export const smallDomainBurst: Family = {
  name: 'small-domain-burst',
  group: 'reported',
  benign: true,
  source: 'M3AAWG Sender Best Common Practices, Version 3.0 (small senders)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(2, 30) });
    const main = random.chance(0.5)
      ? domain.ownServers({ mean: domain.volume, hosts: 1 })
      : domain.service('kundenserver', { mean: domain.volume, aligned: 'both', networks: 1 });
    domain.senders.push(main);
    const day = site.day(10);
    const factor = site.between(4, 20);
    main.active = (d) => (d === day || d === day + 1 ? factor : 1);
    site.trap('invitations', domain.name, day, day + 1);
  },
};
