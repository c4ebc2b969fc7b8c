import { google, yahoo } from '../../demo/dialects/index.ts';
import type { Dialect } from '../../demo/report.ts';
import type { Family } from './family.ts';

/** A reporter writes under a new name from one day on: `google.com` became `Google LLC`. */
export const reporterRenamed: Family = {
  name: 'reporter-renamed',
  group: 'tuning',
  benign: true,
  source:
    'https://github.com/techsneeze/dmarcts-report-parser and https://github.com/domainaware/parsedmarc samples: org_name google.com and Google LLC, Yahoo! Inc. and Yahoo',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(100, 20_000) });
    const [dialect, name] = random.pick([
      [google, 'Google LLC'],
      [google, 'Google LLC'],
      [yahoo, 'Yahoo! Inc.'],
    ] as const);
    const from = site.day(20);
    const reporter = site.reporters.find((one) => one.dialect.org_name === dialect.org_name)!;
    reporter.renamed = { from, dialect: named(dialect, name) };
    site.trap(`${dialect.org_name} writes as ${name}`, domain.name, from, from + 10);
  },
};

/** The same reporter, from the same address, with another `org_name`. */
export function named(dialect: Dialect, org_name: string): Dialect {
  const own = `<org_name>${dialect.org_name}</org_name>`;
  return { ...dialect, xml: (report) => dialect.xml(report).replace(own, `<org_name>${org_name}</org_name>`) };
}
