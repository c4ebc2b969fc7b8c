import type { Family } from './family.ts';

/** A small reporter stops writing reports altogether. */
export const smallReporterLeaves: Family = {
  name: 'small-reporter-leaves',
  group: 'reported',
  benign: true,
  source: 'RFC 9990',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(100, 20_000) });
    const from = site.day(15);
    const small = [...domain.domain.mix].sort((a, b) => a.share - b.share)[random.int(0, 1)]!.reporter;
    site.outage(small.dialect.org_name, from, site.days);
  },
};
