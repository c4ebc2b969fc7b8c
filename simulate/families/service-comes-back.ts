import type { Family } from './family.ts';

/**
 * A rightful service that was silent for one to two months sends again from other networks of its own, key
 * unchanged.
 */
export const serviceComesBack: Family = {
  name: 'service-comes-back',
  group: 'reported',
  benign: true,
  source: 'https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip.html',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const name = random.pick(['ses', 'sendgrid', 'brevo', 'salesforce'] as const);
    const mean = domain.volume * site.between(0.05, 1);
    const until = random.int(10, 25);
    const again = Math.min(site.days - 8, until + random.int(30, 60));
    const selector = `${name}old`;
    domain.service(name, { mean, aligned: 'dkim', selector, to: until });
    domain.service(name, { mean, aligned: 'dkim', selector, from: again });
    site.trap('a service comes back', domain.name, again, again + 7);
  },
};
