import type { Family } from './family.ts';

/**
 * Each branch office has a mail gateway on its own line, all in SPF and signed or not; a new office opens now
 * and then.
 */
export const sitesInSpf: Family = {
  name: 'sites-in-spf',
  group: 'tuning',
  benign: true,
  source: 'RFC 7208 section 5.6 and appendix A.4 (multiple requirement example); RFC 1912 section 2.1 (forward-confirmed names)',
  plant(site) {
    const { random } = site;
    const volume = site.between(60, 8_000);
    const domain = site.domain({ usual: false, volume });
    const selector = random.pick(['mail', 'mx', 'default']);
    const signed = random.chance(0.6);
    const sites = random.int(3, 20);
    const opened = random.int(0, 3);
    for (let i = 0; i < sites + opened; i++) {
      const from = i < sites ? 0 : site.day(10);
      const flow = domain.mail('site', {
        mean: volume / (sites + opened),
        addresses: domain.hosts(random.pick(['office', 'office', 'hetzner'] as const), random.int(1, 2)),
        dkim: signed ? [domain.own(selector)] : [],
        from,
      });
      domain.senders.push(flow);
      if (i < sites) continue;
      site.trap('a new office', domain.name, from, from + 14);
      // Whoever did not know of the office may hear of it, in a low voice.
      domain.expect({ what: 'new_sender', from, to: site.days - 1, most: 'low', optional: true }, { flows: [flow] });
    }
  },
};
