import type { Family } from './family.ts';

/** A domain that sends nothing is forged. */
export const spoofParked: Family = {
  name: 'spoof-parked',
  group: 'tuning',
  benign: false,
  source: 'M3AAWG Protecting Parked Domains Best Common Practices (2022)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ parked: true });
    const from = site.day(10, 25);
    const to = from + random.int(1, 12);
    const flow = domain.forged({
      mean: site.between(4, 2_000),
      addresses: site.internet.strangers(random.int(1, 200), random),
      from,
      to,
    });
    domain.expect({ what: 'forged', from, to }, { flows: [flow] });
  },
};
