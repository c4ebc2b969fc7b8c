import type { Family } from './family.ts';

/** Forged mail in the name of a subdomain that a rightful service uses. */
export const subdomainInUse: Family = {
  name: 'subdomain-in-use',
  group: 'tuning',
  benign: false,
  source: 'RFC 9989 section 4.7 (sp)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ sp: random.pick([null, 'none'] as const) });
    const author = `news.${domain.name}`;
    const rightful = domain.service('mailchimp', { mean: domain.volume * 0.2, aligned: 'dkim' });
    rightful.header_from = author;
    const from = site.day(10);
    const to = from + random.int(0, 9);
    const addresses = site.internet.strangers(random.int(1, 60), random);
    const flow = domain.forged({ mean: site.between(10, 2_000), addresses, author, from, to });
    domain.expect({ what: 'forged_subdomain', from, to }, { flows: [flow] });
  },
};
