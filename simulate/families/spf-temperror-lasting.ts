import type { Family } from './family.ts';

/** SPF cannot be evaluated for a week and more: the domain’s name servers do not answer receivers. */
export const spfTemperrorLasting: Family = {
  name: 'spf-temperror-lasting',
  group: 'tuning',
  benign: false,
  source: 'RFC 7208 section 2.6.6; RFC 8601 section 2.7.2',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, aspf: 'r', volume: site.between(60, 20_000) });
    domain.senders.push(domain.ownServers({ mean: domain.volume * 0.8 }));
    const from = site.day(14);
    const to = Math.min(site.days - 1, from + random.int(7, 30));
    const share = 0.7 + 0.3 * random.next();
    const breaks = domain.senders.map((flow) => domain.breaks(flow, { from, to, share, mechanism: 'spf', result: 'temperror' }));
    domain.expect({ what: 'spf_error', from, to, least: 'low', most: 'medium', says: [/temperror|SPF/] }, { breaks });
  },
};
