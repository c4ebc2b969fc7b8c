import type { Family } from './family.ts';

/**
 * A stranger at our own hoster sends in our name: the shared network passes SPF, but ours is always signed.
 */
export const sharedHosterAbuse: Family = {
  name: 'shared-hoster-abuse',
  group: 'reported',
  benign: false,
  source: 'https://www.ndss-symposium.org (2024: BreakSPF, shared infrastructures); RFC 7208 section 11.4',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, aspf: 'r' });
    const at = random.pick(['kundenserver', 'kasserver', 'ovh'] as const);
    const addresses = domain.networks(at, random.int(1, 2));
    domain.senders.push(domain.service(at, { mean: domain.volume * 0.9, aligned: 'both', addresses }));
    const from = site.day(10);
    const to = from + random.int(1, 10);
    const flow = domain.mail('stranger at our hoster', {
      mean: site.between(20, Math.max(200, domain.volume)),
      from,
      to,
      addresses: random.chance(0.5) ? addresses : domain.networks(at, 1),
      dkim: [],
      truth: null,
      what: 'incident',
      weekend: 1,
    });
    domain.expect(
      {
        what: 'abused_service',
        from,
        to,
        least: 'medium',
        says: [/unsigned|not signed|without (?:a|its|our) signature|signature/i],
      },
      { flows: [flow] },
    );
  },
};
