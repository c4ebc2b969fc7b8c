import type { Family } from './family.ts';

/** A service begins to sign with its own domain beside ours, or stops doing so. */
export const doubleSigning: Family = {
  name: 'double-signing',
  group: 'reported',
  benign: true,
  source: 'RFC 6376 section 4 (several signatures)',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const name = random.pick(['sendgrid', 'mailgun', 'ses', 'hubspot', 'mailchimp'] as const);
    const day = site.day(20);
    const mean = domain.volume * site.between(0.1, 0.6);
    const addresses = domain.networks(name, random.int(1, 3));
    const begins = random.chance(0.7);
    const selector = `${name}own`;
    domain.service(name, { mean, aligned: 'dkim', addresses, selector, double: !begins, to: day - 1 });
    domain.service(name, { mean, aligned: 'dkim', addresses, selector, double: begins, from: day });
    site.trap('double signing', domain.name, day, day + 5);
  },
};
