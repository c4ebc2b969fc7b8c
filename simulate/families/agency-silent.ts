import type { Family } from './family.ts';

/** The mailbox for reports of an agency is full: all of its domains fall silent at once. */
export const agencySilent: Family = {
  name: 'agency-silent',
  group: 'reported',
  benign: false,
  source: 'RFC 9990 section 4 (delivery of reports); https://support.google.com/a/answer/10032472',
  plant(site) {
    const { random } = site;
    const count = random.int(5, 14);
    const domains = Array.from({ length: count }, (_, i) =>
      site.domain({ usual: false, volume: site.between(5, 800), parked: i > 2 && random.chance(0.2) }),
    );
    for (const domain of domains)
      if (!domain.domain.parked) domain.senders.push(domain.service('microsoft365', { mean: domain.volume, aligned: 'both' }));
    const from = site.day(14);
    const to = site.days - 1;
    for (const domain of domains) domain.silent('all', from, to);
    domains[0]!.expect({ what: 'no_reports', from, to, least: 'medium' });
    for (const domain of domains.slice(1)) domain.expect({ what: 'no_reports', from, to, optional: true });
  },
};
