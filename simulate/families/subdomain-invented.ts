import type { Family } from './family.ts';

/** Forged mail in the name of a subdomain that does not exist. */
export const subdomainInvented: Family = {
  name: 'subdomain-invented',
  group: 'reported',
  benign: false,
  source: 'RFC 9989 section 4.7 (np); RFC 9091',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ sp: random.pick([null, 'none'] as const) });
    const from = site.day(10);
    const to = from + random.int(0, 9);
    const author = `${random.pick(['billing', 'secure', 'hr', 'news', 'login'])}-${random.hex(3)}.${domain.name}`;
    const addresses = site.internet.strangers(random.int(1, 100), random);
    const flow = domain.forged({ mean: site.between(8, 2_000), addresses, author, from, to });
    domain.expect({ what: 'forged_subdomain', from, to }, { flows: [flow] });
  },
};
