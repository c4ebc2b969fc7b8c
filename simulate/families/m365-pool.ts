import type { Family } from './family.ts';

/**
 * Microsoft 365 sends a tenant's mail from ever new networks of its pool: aligned, with its reverse names.
 */
export const m365Pool: Family = {
  name: 'm365-pool',
  group: 'tuning',
  benign: true,
  source:
    'https://learn.microsoft.com/defender-office-365/outbound-spam-high-risk-delivery-pool-about; spf.protection.outlook.com lists over 500,000 addresses',
  plant(site) {
    const domain = site.domain({ usual: false, volume: site.between(60, 20_000) });
    const { random } = site;
    const selector = random.pick(['selector1', 'selector2']);
    const aligned = random.pick(['both', 'both', 'dkim'] as const);
    const mean = domain.volume * (0.5 + 0.3 * random.next());
    domain.senders.push(domain.service('microsoft365', { mean, aligned, selector, networks: random.int(2, 5) }));
    if (random.chance(0.5)) domain.senders.push(domain.service('mailchimp', { mean: domain.volume * 0.2, aligned: 'dkim' }));
    for (let day = random.int(3, 20); day < site.days; day += random.int(4, 10)) {
      const to = random.chance(0.5) ? day + random.int(3, 30) : undefined;
      const share = 0.02 + 0.2 * random.next();
      const family = random.chance(0.2) ? 6 : 4;
      const addresses = domain.networks('microsoft365', 1, family);
      domain.service('microsoft365', { mean: mean * share, aligned, selector, addresses, from: day, ...(to && { to }) });
    }
  },
};
