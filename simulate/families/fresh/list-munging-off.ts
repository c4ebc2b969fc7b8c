import type { Family } from '../family.ts';

/**
 * Members post to somebody else's list for years. Its From rewriting is switched off (an upgrade, a new
 * owner), and only then do reports show their posts: the footer has broken the signature.
 */
export const listMungingOff: Family = {
  name: 'list-munging-off',
  group: 'reported',
  benign: true,
  source: 'RFC 7960 sections 3.2.3 and 4.1.3.3; https://github.com/php/infrastructure/issues/34',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const from = site.day(20);
    // A few posts, each to all subscribers: threads come in bursts.
    const mean = site.between(0.3, Math.max(3, 0.08 * domain.volume));
    const list = domain.list({ mean, from, k: site.between(0.3, 6), weekend: 0.2 + 0.8 * random.next() });
    // Some lists drop the signature that they break.
    if (random.chance(0.25)) list.dkim = list.dkim.filter(({ result }) => result === 'pass');
  },
};
