import type { Family } from './family.ts';
import { few } from './months/shared.ts';

/**
 * An agency looks after 150 domains, most of them small or parked, which few receivers see; its mailbox for
 * reports is full for good. The program was started a week before, with the weeks in the mailbox: to analyze
 * 150 domains on each of these days as well takes half an hour.
 */
export const agencySilentMany: Family = {
  name: 'agency-silent-many',
  group: 'reported',
  benign: false,
  source: 'RFC 9990 section 4 (delivery of reports); https://github.com/report-uri/report-uri-bugs/issues/118',
  days: [50, 50],
  plant(site) {
    const { random } = site;
    const domains = Array.from({ length: 150 }, (_, i) =>
      few(
        site.domain({ usual: false, noise: i < 20, volume: site.between(3, 300), parked: i > 2 && i < 20 && random.chance(0.4) }),
        3,
      ),
    );
    for (const domain of domains)
      if (!domain.domain.parked) domain.senders.push(domain.service('microsoft365', { mean: domain.volume, aligned: 'both' }));
    const from = site.day(14, 30);
    const to = site.days - 1;
    site.startAt(from - 7);
    for (const domain of domains) domain.silent('all', from, to);
    domains[0]!.expect({ what: 'no_reports', from, to, least: 'medium', says: [/domains/] });
    for (const domain of domains.slice(1)) domain.expect({ what: 'no_reports', from, to, optional: true });
  },
};
