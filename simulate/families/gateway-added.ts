import type { Family } from './family.ts';

/**
 * Outgoing mail is led through a security gateway: the tenant’s key and name stay, the addresses are
 * another’s.
 */
export const gatewayAdded: Family = {
  name: 'gateway-added',
  group: 'reported',
  benign: true,
  source:
    'https://learn.microsoft.com/exchange/mail-flow-best-practices/manage-mail-flow-using-third-party-cloud; SPF of pphosted.com',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false });
    const selector = 'selector1';
    const day = site.day(20);
    const length = random.int(0, 10);
    const mean = domain.volume * 0.9;
    const moved = (d: number) => Math.min(1, Math.max(0, (d - day + 1) / (length + 1)));
    domain.senders.push(domain.service('microsoft365', { mean, aligned: 'both', selector, active: (d) => 1 - moved(d) }));
    domain.service(random.pick(['proofpoint', 'mimecast'] as const), {
      mean,
      aligned: 'both',
      selector,
      networks: random.int(1, 2),
      active: moved,
    });
    site.trap('gateway added', domain.name, day, day + length);
  },
};
