import type { Family } from './family.ts';

/** The mailbox of a small sender is taken over: hundreds to thousands of messages, on any day of the week. */
export const smallSenderTakeover: Family = {
  name: 'small-sender-takeover',
  group: 'tuning',
  benign: false,
  source: 'RFC 5068 section 3; https://www.m3aawg.org/sites/default/files/m3aawg-compromised-user-id-best-practices-2024.pdf',
  plant(site) {
    const { random } = site;
    const volume = site.between(2, 60);
    const domain = site.domain({ usual: false, volume });
    const own = random.chance(0.4);
    const main = own
      ? domain.ownServers({ mean: volume, hosts: 1 })
      : domain.service(random.pick(['kundenserver', 'kasserver', 'microsoft365', 'google'] as const), {
          mean: volume,
          aligned: 'both',
        });
    domain.senders.push(main);
    const from = site.day(8);
    const to = from + random.int(0, 4);
    const flow = domain.mail(`${main.id.split('/')[0]} taken over`, {
      mean: site.between(300, 6_000),
      addresses: main.addresses,
      envelope: main.spf.domain,
      dkim: main.dkim,
      from,
      to,
      weekend: 1,
      k: 8,
    });
    domain.expect({ what: 'takeover', from, to, least: 'medium', says: [/account|script|taken over/i] }, { flows: [flow] });
  },
};
