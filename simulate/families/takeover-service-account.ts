import type { Family } from './family.ts';

/** The API key of a mail service leaked: ten times and more of its mail, signed with our key. */
export const takeoverServiceAccount: Family = {
  name: 'takeover-service-account',
  group: 'tuning',
  benign: false,
  source: 'https://krebsonsecurity.com/2020/08/sendgrid-under-siege-from-hacked-accounts',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const addresses = domain.networks('sendgrid', random.int(1, 2));
    const mean = domain.volume * site.between(0.1, 0.5);
    domain.service('sendgrid', { mean, aligned: 'dkim', addresses, selector: 's1' });
    const from = site.day(8);
    const to = from + random.int(0, 4);
    const flow = domain.service('sendgrid', {
      mean: Math.max(300, mean * site.between(10, 80)),
      aligned: 'dkim',
      addresses,
      selector: 's1',
      from,
      to,
      weekend: 1,
      k: 8,
    });
    domain.expect(
      { what: 'takeover', from, to, least: 'medium', says: [/taken over|compromised|account|API key/i] },
      { flows: [flow] },
    );
  },
};
