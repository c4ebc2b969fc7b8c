import { google, yahoo } from '../../demo/reporters/index.ts';
import { named } from '../reporters.ts';
import type { Family } from './family.ts';

/** A reporter writes under a new name from one day on: `google.com` became `Google LLC`. */
export const reporterRenamed: Family = {
  name: 'reporter-renamed',
  group: 'tuning',
  benign: true,
  source:
    'https://www.uriports.com/blog/dmarc-reports-ietf-rfc-compliance (google.com, Yahoo! Inc.); Google LLC in later reports',
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
