import type { Family } from './family.ts';

/** Somebody mails reports in a reporter’s name about a flood that never was. */
export const forgedReports: Family = {
  name: 'forged-reports',
  group: 'tuning',
  benign: false,
  source: 'RFC 9990 section 8 (security considerations: forged reports); https://github.com/mjl-/mox/issues/296',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(100, 20_000) });
    const from = site.day(12);
    const to = from + random.int(1, 10);
    const reporter = random.pick(['google.com', 'Yahoo', 'Enterprise Outlook']);
    const incident = domain.expect({ what: 'forged_reports', from, to }, { reporter });
    domain.reports('forged', reporter, { from, to }, { incident, mismatched: random.chance(0.5) });
  },
};
