import type { Family } from './family.ts';

/** A campaign of forged mail from a few networks: five to five thousand messages a day for days or weeks. */
export const spoofSteady: Family = {
  name: 'spoof-steady',
  group: 'tuning',
  benign: false,
  source: 'RFC 9989; M3AAWG Email Authentication Best Practices (2020)',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const from = site.day(12);
    const to = from + random.int(2, 20);
    const addresses = site.internet.strangers(random.int(1, 30), random);
    const flow = domain.forged({ mean: site.between(5, 5_000), addresses, from, to, k: 5 });
    domain.expect({ what: 'forged', from, to }, { flows: [flow] });
  },
};
