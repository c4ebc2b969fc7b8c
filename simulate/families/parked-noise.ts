import type { Family } from './family.ts';

/** A domain that sends nothing gets its trickle of forged mail, now and then a little more. */
export const parkedNoise: Family = {
  name: 'parked-noise',
  group: 'reported',
  benign: true,
  source: 'M3AAWG Protecting Parked Domains Best Common Practices (2022)',
  plant(site) {
    const domain = site.domain({ parked: true });
    domain.noise(site.between(0.05, 0.8));
  },
};
