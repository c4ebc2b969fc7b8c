import type { Family } from '../family.ts';

/**
 * A large reporter sends its reports of a week at once from some day on, or only those of one day in a week.
 */
export const reporterGoesWeekly: Family = {
  name: 'reporter-goes-weekly',
  group: 'tuning',
  benign: true,
  source: 'RFC 7489 section 6.3 (ri) and 7.2 (receivers may report at other intervals)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 10_000) });
    const name = domain.reporter(random.int(0, 2));
    const from = site.day(20);
    for (let day = from; day < site.days; day += 7) domain.silent(name, day, Math.min(site.days - 1, day + 5));
  },
};

/**
 * A reporter goes from daily reports to one day a month. Its silence may be reported once; its return is no
 * news.
 */
export const reporterGoesMonthly: Family = {
  name: 'reporter-goes-monthly',
  group: 'tuning',
  benign: true,
  source: 'RFC 9990 section 4.1 (aggregation period)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 10_000) });
    const name = domain.reporter(random.int(1, 3));
    const from = site.day(30, 30);
    for (let day = from; day < site.days; day += 30) domain.silent(name, day, Math.min(site.days - 1, day + 28));
    domain.expect({ what: 'reporter_silent', from, to: site.days - 1, optional: true, most: 'low' }, { reporter: name });
  },
};

/** A reporter counts one sender's mail ten to fifty times over, for a day or two: a fault of its own. */
export const reporterMiscounts: Family = {
  name: 'reporter-miscounts',
  group: 'tuning',
  benign: true,
  source: 'https://github.com/domainaware/parsedmarc/issues (reports with implausible counts)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 5000) });
    const name = domain.reporter(random.int(0, 3));
    const [main] = domain.senders;
    const from = site.day(12);
    const flow = domain.mail('miscounted', {
      mean: main!.mean * site.between(3, 15),
      addresses: main!.addresses,
      envelope: main!.envelope_from,
      dkim: main!.dkim,
      from,
      to: from + random.int(0, 1),
      weekend: 1,
    });
    for (const { reporter } of domain.domain.mix)
      if (reporter.dialect.org_name !== name) flow.reporters = new Map([...flow.reporters, [reporter.dialect.org_name, 0]]);
  },
};
