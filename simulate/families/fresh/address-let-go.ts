import type { Family } from '../family.ts';

/**
 * A cloud server of ours is deleted, and its address stays in the SPF record. Weeks later whoever rents that
 * address sends in our name: SPF passes and is aligned, and nothing is signed.
 */
export const addressLetGo: Family = {
  name: 'address-let-go',
  group: 'tuning',
  benign: false,
  source: 'https://lixiang521.com/publication/ndss24/ (BreakSPF, NDSS 2024: cloud addresses in SPF records)',
  days: [90, 110],
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(100, 8000) });
    const from = site.day(12, 70);
    const gone = from - random.int(14, 35);
    const addresses = domain.networks(random.pick(['ec2', 'digitalocean'] as const), 1).slice(0, 1);
    domain.ownServers({ mean: Math.max(3, domain.volume * site.between(0.02, 0.2)), to: gone, addresses, selector: 'app1' });
    const to = from + random.int(2, 8);
    const flow = domain.forged({
      mean: site.between(20, 400),
      from,
      to,
      addresses,
      envelope: domain.name,
      spf: 'pass',
    });
    domain.expect({ what: 'abused_service', from, to, least: 'low' }, { flows: [flow] });
  },
};
