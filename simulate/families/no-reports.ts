import type { Family } from './family.ts';

/** Nobody reports on one domain any more (rua removed, record broken), while others are reported on. */
export const noReports: Family = {
  name: 'no-reports',
  group: 'tuning',
  benign: false,
  source:
    'RFC 9990 section 4 (external destinations); https://github.com/wintermeyer/vutuv/issues/801; https://github.com/report-uri/report-uri-bugs/issues/118',
  plant(site) {
    const { random } = site;
    const others = random.int(1, 2);
    const domain = site.domain({ volume: site.between(100, 20_000) });
    for (let i = 0; i < others; i++) site.domain({ volume: site.between(60, 2_000) });
    const from = site.day(18);
    // Reporters look at the record at their own times.
    for (const { reporter } of domain.domain.mix) {
      const last = from + random.int(0, 1);
      domain.domain.events.push({
        what: 'silent',
        reporter: reporter.dialect.org_name,
        from: last,
        to: site.days,
        incident: null,
      });
    }
    domain.expect({ what: 'no_reports', from, to: site.days - 1, least: 'medium', says: [/no (?:DMARC )?reports?/i] });
  },
};
