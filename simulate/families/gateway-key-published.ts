import type { Family } from './family.ts';

/** A new gateway of the domain's own signs with a selector that was published for it. */
export const gatewayKeyPublished: Family = {
  name: 'gateway-key-published',
  group: 'tuning',
  benign: false,
  source: 'RFC 6376 section 3.1 (selectors by department, by date, by host)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(100, 8_000) });
    const from = site.day(15);
    const flow = domain.mail('gateway', {
      mean: site.between(10, Math.max(20, 0.3 * domain.volume)),
      addresses: domain.networks(random.pick(['hetzner', 'digitalocean', 'office'] as const), 1),
      envelope: random.chance(0.5) ? domain.name : 'bounces.gateway-vendor.example',
      dkim: [domain.own('gw1')],
      from,
    });
    domain.expect(
      { what: 'new_sender', from, to: site.days - 1, most: 'medium', never: [/withdraw/i, /stolen/i] },
      { flows: [flow] },
    );
  },
};
