import type { Family } from './family.ts';

/** Google Workspace sends from IPv4 and IPv6 addresses that change from week to week. */
export const googleWorkspacePool: Family = {
  name: 'google-workspace-pool',
  group: 'reported',
  benign: true,
  source: 'https://support.google.com/a/answer/60764 (Google address ranges for outbound mail)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false });
    const mean = domain.volume * 0.8;
    domain.senders.push(domain.service('google', { mean: mean / 2, aligned: 'both', networks: random.int(2, 5) }));
    for (let day = random.int(5, 15); day < site.days; day += random.int(4, 14)) {
      const addresses = domain.networks('google', 1, random.chance(0.5) ? 6 : 4);
      domain.service('google', { mean: mean * site.between(0.01, 0.3), aligned: 'both', addresses, from: day });
    }
    domain.forwarder({ mean: Math.max(0.5, domain.volume * 0.01) });
  },
};
