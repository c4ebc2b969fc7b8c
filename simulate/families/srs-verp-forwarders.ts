import type { Family } from './family.ts';

/**
 * Many small forwarders, some of which rewrite the return path (SRS), some keep it: mail of a few recipients
 * each.
 */
export const srsVerpForwarders: Family = {
  name: 'srs-verp-forwarders',
  group: 'reported',
  benign: true,
  source: 'RFC 7960 section 3.2.1; https://github.com/roehling/postsrsd',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const count = random.int(3, 12);
    for (let i = 0; i < count; i++) {
      const from = random.chance(0.3) ? 0 : random.int(0, site.days - 10);
      domain.forwarder({ mean: site.between(0.1, 4), from, ...(random.chance(0.4) && { to: from + random.int(5, 40) }) });
    }
  },
};
