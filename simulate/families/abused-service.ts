import type { Family } from './family.ts';

/**
 * Somebody else’s account of a service that we use as well: his signature, our name, other networks of it.
 */
export const abusedService: Family = {
  name: 'abused-service',
  group: 'reported',
  benign: false,
  source: 'https://krebsonsecurity.com/2020/08/sendgrid-under-siege-from-hacked-accounts; RFC 9989 section 4.4',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const name = random.pick(['sendgrid', 'sendgrid', 'mailgun', 'ses'] as const);
    domain.service(name, { mean: domain.volume * site.between(0.1, 0.6), aligned: 'dkim' });
    const from = site.day(10);
    const to = from + random.int(0, 7);
    const flow = domain.service(name, {
      mean: site.between(15, 3_000),
      aligned: 'none',
      networks: random.int(1, 3),
      from,
      to,
      weekend: 1,
    });
    flow.truth = null;
    domain.expect({ what: 'abused_service', from, to, least: 'medium', never: [/CNAME/] }, { flows: [flow] });
  },
};
