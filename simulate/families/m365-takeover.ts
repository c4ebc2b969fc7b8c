import type { Family } from './family.ts';

/**
 * An account in the tenant was taken over: thousands of messages within days, from many networks of
 * Microsoft's.
 */
export const m365Takeover: Family = {
  name: 'm365-takeover',
  group: 'tuning',
  benign: false,
  source: 'https://learn.microsoft.com/defender-office-365/responding-to-a-compromised-email-account',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(8, 1500) });
    const selector = random.pick(['selector1', 'selector2']);
    const all = domain.networks('microsoft365', random.int(6, 14));
    const own = all.slice(0, Math.max(2, Math.floor(all.length / 3)));
    domain.senders.push(domain.service('microsoft365', { mean: domain.volume, aligned: 'both', selector, addresses: own }));
    const from = site.day(8);
    const to = from + random.int(0, 3);
    const mean = Math.max(200, domain.volume * site.between(5, 60));
    const flow = domain.service('microsoft365', { mean, aligned: 'both', selector, addresses: all, from, to, weekend: 1, k: 20 });
    // Nobody could say of one message whether the account's owner wrote it.
    flow.truth = 'authorized';
    domain.expect(
      { what: 'takeover', from, to, least: 'medium', says: [/Microsoft/i, /tenant|sign-in|account/i] },
      { flows: [flow] },
    );
  },
};
