import type { Family } from './family.ts';

/** Reporters are out for days while a parked domain is forged, or gets no more than its trickle. */
export const parkedOutage: Family = {
  name: 'parked-outage',
  group: 'tuning',
  benign: true,
  source: 'M3AAWG Protecting Parked Domains Best Common Practices (2022); RFC 9990 section 3 (reports are sent at will)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ parked: true, p: 'reject' });
    domain.noise(site.between(0.3, 4));
    const from = site.day(12);
    const count = random.int(1, 2);
    for (let rank = 0; rank < count; rank++) site.outage(domain.reporter(rank), from, from + random.int(1, 5));
  },
};
