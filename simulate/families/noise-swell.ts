import type { Family } from './family.ts';

/** The trickle of forged mail swells to a few messages a day, each from anywhere, all of it refused. */
export const noiseSwell: Family = {
  name: 'noise-swell',
  group: 'tuning',
  benign: true,
  source:
    'https://www.m3aawg.org/sites/default/files/m3aawg-email-authentication-recommended-best-practices-09-2020.pdf; RFC 9989',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ p: 'reject', sp: null });
    const from = site.day(15);
    const addresses = site.internet.strangers(400, random);
    domain.mail('swell', {
      mean: site.between(0.5, 3),
      addresses,
      spf: 'fail',
      truth: 'unauthorized',
      what: 'noise',
      weekend: 1,
      k: 3,
      from,
      to: from + random.int(3, 20),
    });
    site.trap('noise swells', domain.name, from, from + 20);
  },
};
