import type { Family } from './family.ts';

/** A receiver begins to report: what it sees was there before, forwarders and lists among it. */
export const newReporter: Family = {
  name: 'new-reporter',
  group: 'tuning',
  benign: true,
  source: 'RFC 9990; https://dmarc.org/resources/deployment-tools (who reports)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(200, 20_000) });
    const from = site.day(20);
    const reporter = domain.reporter(random.int(1, 3));
    domain.silent(reporter, 0, from - 1);
    for (let i = 0; i < 3; i++) domain.forwarder({ mean: site.between(0.3, 5) }).reporters = new Map([[reporter, 30]]);
    site.trap(`${reporter} begins to report`, domain.name, from, from + 10);
  },
};
