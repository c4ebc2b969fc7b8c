import type { Family } from './family.ts';

/** A large reporter stops reporting on one domain for two weeks and more, while it reports on another. */
export const reporterSilent: Family = {
  name: 'reporter-silent',
  group: 'reported',
  benign: false,
  source: 'RFC 9990; https://github.com/wintermeyer/vutuv/issues/801 (reports that reporters drop)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(200, 20_000) });
    site.domain({ volume: site.between(100, 3_000) });
    const from = site.day(16);
    const to = Math.min(site.days - 1, from + random.int(13, 40));
    const reporter = domain.reporter(random.int(0, 1));
    const incident = domain.expect({ what: 'reporter_silent', from, to }, { reporter });
    domain.silent(reporter, from, to, incident);
  },
};
