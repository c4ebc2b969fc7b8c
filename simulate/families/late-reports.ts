import type { Family } from './family.ts';

/** What a large reporter says of some days comes three days late, all at once. */
export const lateReports: Family = {
  name: 'late-reports',
  group: 'reported',
  benign: true,
  source: 'RFC 9990 (reports may be delayed)',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const from = site.day(15);
    site.late(domain.reporter(random.int(0, 2)), from, from + random.int(0, 6));
  },
};
