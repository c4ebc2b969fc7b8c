import type { Family } from './family.ts';

/** Forged mail in small numbers: five to fifty messages from one to four hosts, within days. */
export const spoofFew: Family = {
  name: 'spoof-few',
  group: 'reported',
  benign: false,
  source: 'RFC 9989',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const from = site.day(8);
    const to = from + random.int(0, 3);
    const total = site.between(5, 60);
    const hosts = random.int(1, 4);
    const at = random.pick(['digitalocean', 'ec2', 'hetzner', null] as const);
    const addresses = at ? domain.networks(at, 1).slice(0, hosts) : site.internet.strangers(hosts, random);
    const flow = domain.forged({ mean: total / (to - from + 1), addresses, from, to, k: 1000 });
    domain.expect({ what: 'forged', from, to }, { flows: [flow] });
  },
};
