import type { Family } from './family.ts';

/** A reporter sends each report twice under two ids for some days. */
export const doubledReports: Family = {
  name: 'doubled-reports',
  group: 'tuning',
  benign: true,
  source: 'https://github.com/cry-inc/dmarc-report-viewer/issues/75; https://github.com/domainaware/parsedmarc/issues/535',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const from = site.day(15);
    const to = from + random.int(0, 10);
    const reporter = domain.reporter(random.int(0, 2));
    domain.reports('doubled', reporter, { from, to });
    site.trap(`${reporter} doubles its reports`, domain.name, from, to);
  },
};
