import type { Family } from './family.ts';

/** The SPF record has one look-up too many: permerror on all mail. Some senders have nothing else. */
export const spfPermerrorAll: Family = {
  name: 'spf-permerror-all',
  group: 'tuning',
  benign: false,
  source: 'RFC 7208 sections 4.6.4 and 2.6.7 (permerror)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, aspf: 'r', volume: site.between(60, 20_000) });
    const flows = [
      domain.service(random.pick(['microsoft365', 'google'] as const), { mean: domain.volume * 0.6, aligned: 'both' }),
      domain.ownServers({ mean: domain.volume * 0.2 }),
    ];
    domain.senders.push(flows[0]!);
    // A device or an application that signs nothing.
    const bare = random.chance(0.5);
    if (bare) {
      const addresses = domain.hosts('office', 1);
      flows.push(domain.mail('appliance', { mean: site.between(5, Math.max(10, domain.volume * 0.1)), addresses }));
    }
    domain.service('mailchimp', { mean: domain.volume * 0.2, aligned: 'dkim' });
    const from = site.day(14);
    const to = random.chance(0.5) ? site.days - 1 : Math.min(site.days - 1, from + random.int(5, 40));
    // Receivers differ in what they call it.
    const result = random.pick(['permerror', 'permerror', 'neutral', 'none']);
    const breaks = flows.map((flow) => domain.breaks(flow, { from, to, share: 1, mechanism: 'spf', result }));
    const least = bare && domain.volume > 300 ? 'medium' : 'low';
    domain.expect({ what: 'spf_error', from, to, least, says: [/SPF/] }, { breaks });
  },
};
