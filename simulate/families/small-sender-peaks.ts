import type { Family } from './family.ts';

/**
 * A club or a practice with a few mails a day writes to all its members now and then: invitations, a change
 * of hours.
 */
export const smallSenderPeaks: Family = {
  name: 'small-sender-peaks',
  group: 'tuning',
  benign: true,
  source:
    'https://support.google.com/a/answer/81126 (small senders and groups); M3AAWG Sender Best Common Practices, Version 3.0',
  plant(site) {
    const { random } = site;
    const volume = site.between(1, 60);
    const domain = site.domain({ usual: false, volume });
    const main = random.chance(0.5)
      ? domain.ownServers({ mean: volume, hosts: random.int(1, 2) })
      : domain.service(random.pick(['kundenserver', 'kasserver', 'ovh', 'microsoft365', 'google'] as const), {
          mean: volume,
          aligned: 'both',
          networks: random.int(1, 3),
        });
    domain.senders.push(main);
    const peaks = Array.from({ length: random.int(1, 3) }, () => {
      const first = site.day(6);
      // As many people as such a sender knows.
      return { first, last: first + random.int(0, 2), factor: 1 + site.between(20, 120) / volume };
    });
    main.active = (day) => peaks.find(({ first, last }) => day >= first && day <= last)?.factor ?? 1;
    for (const { first, last } of peaks) site.trap('all members', domain.name, first, last);
  },
};
