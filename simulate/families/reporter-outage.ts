import type { Family } from './family.ts';

/** A large reporter writes no reports to anybody for one to five days. */
export const reporterOutage: Family = {
  name: 'reporter-outage',
  group: 'tuning',
  benign: true,
  source: 'RFC 9990',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    if (random.chance(0.4)) site.domain();
    const from = site.day(15);
    site.outage(domain.reporter(random.int(0, 2)), from, from + random.int(0, 4));
  },
};
