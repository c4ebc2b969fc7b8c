import type { Family } from './family.ts';

/** The SPF record breaks (too many look-ups, two records): permerror on all mail, while DKIM passes. */
export const spfPermerror: Family = {
  name: 'spf-permerror',
  group: 'reported',
  benign: false,
  source: 'RFC 7208 sections 4.6.4 and 4.5 (limits, several records)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, aspf: 'r', volume: site.between(60, 20_000) });
    domain.senders.push(domain.service('microsoft365', { mean: domain.volume * 0.6, aligned: 'both' }));
    const second = domain.service('mailchimp', { mean: domain.volume * 0.2, aligned: 'dkim' });
    const own = domain.ownServers({ mean: domain.volume * 0.2 });
    const from = site.day(14);
    const to = Math.min(site.days - 1, from + random.int(6, 40));
    const breaks = [domain.senders[0]!, own].map((flow) =>
      domain.breaks(flow, { from, to, share: 1, mechanism: 'spf', result: 'permerror' }),
    );
    second.breaks = [];
    domain.expect({ what: 'spf_error', from, to, least: 'low', most: 'medium', says: [/permerror|SPF/] }, { breaks });
  },
};
