import type { Family } from './family.ts';

/** A company is taken over and grows: two to eight percent more mail a week, from the same senders. */
export const acquisitionGrowth: Family = {
  name: 'acquisition-growth',
  group: 'reported',
  benign: true,
  source: 'M3AAWG Sending Domains Best Common Practices (2019), on growth and warm-up',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 8_000) });
    const growth = 0.003 + 0.009 * random.next();
    const begin = random.int(0, 40);
    for (const flow of domain.senders) flow.active = (d) => (1 + growth) ** Math.max(0, d - begin);
    // New staff write to other receivers than before.
    const reporter = domain.reporter(random.int(0, 2));
    const day = site.day(20);
    domain.service('microsoft365', {
      mean: domain.volume * 0.15,
      aligned: 'both',
      addresses: domain.senders[0]!.addresses,
      selector: domain.senders[0]!.dkim[0]!.selector,
      active: (d) => Math.min(1, Math.max(0, (d - day) / 20)),
    }).reporters = new Map([[reporter, 5]]);
    site.trap('growth', domain.name, begin, site.days - 1);
  },
};
