import type { Family } from './family.ts';

/**
 * A reporter most of whose reports come days late, and that leaves out days at a time, goes on as it always
 * did.
 */
export const lateIrregularReporter: Family = {
  name: 'late-irregular-reporter',
  group: 'tuning',
  benign: true,
  source: 'RFC 9990 (reports may be delayed); https://github.com/domainaware/parsedmarc/issues (reports that come days late)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(100, 20_000) });
    if (random.chance(0.4)) site.domain();
    const name = domain.reporter(random.int(0, 3));
    site.reporter(name).lateness = 0.3 + 0.6 * random.next();
    // Days left out, all along, so that they are habit; and one time that is as long as any, all of it late.
    for (let day = random.int(4, 14); day < site.days; day += random.int(7, 16)) site.outage(name, day, day + random.int(0, 2));
    const from = site.day(14);
    const length = random.int(3, 5);
    site.outage(name, from, from + length - 1);
    site.late(name, from + length, from + length + random.int(1, 4));
  },
};
