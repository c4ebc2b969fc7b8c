import type { Family } from './family.ts';

/**
 * One or two percent of a large sender’s mail fails for days: a relay that rewrites, a resolver that times
 * out.
 */
export const relayWobble: Family = {
  name: 'relay-wobble',
  group: 'tuning',
  benign: true,
  source: 'RFC 7960 section 2.3 (message modification); RFC 6377',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(1_000, 20_000) });
    const from = site.day(15);
    const to = from + random.int(2, 12);
    const mechanism = random.pick(['both', 'dkim', 'spf'] as const);
    domain.breaks(domain.senders[0]!, { from, to, share: 0.005 + 0.02 * random.next(), mechanism });
    site.trap('a wobble', domain.name, from, to);
  },
};
