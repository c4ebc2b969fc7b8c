import type { Family } from '../family.ts';

/**
 * Forgers relay mail in our name through throw-away tenants of the mail service that is also ours: the same
 * networks as our own mail, SPF and a signature that pass for a tenant with another name in each wave.
 */
export const tenantADay: Family = {
  name: 'tenant-a-day',
  group: 'reported',
  benign: false,
  source: 'https://www.security.com/expert-perspectives/echospoofing-back',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(150, 10_000) });
    const main = domain.service('microsoft365', { mean: domain.volume * 0.7, aligned: 'both', networks: 4 });
    const service = domain.unused('mailchimp', 'hubspot', 'brevo', 'zendesk');
    domain.senders.push(main, domain.service(service, { mean: domain.volume * 0.3, aligned: 'dkim' }));
    domain.forwarder({ mean: Math.max(0.3, domain.volume * 0.004) });
    const from = site.day(25);
    const addresses = [...main.addresses, ...domain.networks('microsoft365', 3)];
    const flows = [];
    let to = from;
    for (let i = random.int(4, 7), begin = from; i > 0 && begin < site.days - 2; i--) {
      to = begin + random.int(0, 2);
      const tenant = `${random.pick(['contact', 'billing', 'office', 'invoice', 'team'])}${random.hex(6)}`;
      const envelope = `${tenant}.onmicrosoft.com`;
      const dkim = [{ domain: envelope, selector: `selector1-${tenant}-onmicrosoft-com`, result: 'pass' }];
      flows.push(domain.forged({ mean: site.between(15, 200), from: begin, to, addresses, envelope, spf: 'pass', dkim }));
      begin = to + random.int(1, 4);
    }
    domain.expect({ what: 'abused_service', from, to, least: 'low', says: [/onmicrosoft\.com/] }, { flows });
  },
};
