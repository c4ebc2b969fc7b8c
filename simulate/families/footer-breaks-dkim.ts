import type { Family } from './family.ts';

/**
 * A footer for the whole domain is added after signing: DKIM fails for all mail of the own servers, SPF
 * carries it.
 */
export const footerBreaksDkim: Family = {
  name: 'footer-breaks-dkim',
  group: 'tuning',
  benign: false,
  source: 'https://github.com/mailcow/mailcow-dockerized/issues/5744; RFC 6377 section 3.2 (footers)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(40, 8_000) });
    const main = domain.ownServers({ mean: domain.volume * 0.8, hosts: random.int(1, 3) });
    domain.senders.push(main);
    domain.service('mailchimp', { mean: domain.volume * 0.2, aligned: 'dkim' });
    const from = site.day(14);
    const to = Math.min(site.days - 1, from + random.int(7, 30));
    const share = random.chance(0.5) ? 1 : 0.5 + 0.5 * random.next();
    domain.expect({ what: 'broken', from, to }, { breaks: [domain.breaks(main, { from, to, share, mechanism: 'dkim' })] });
  },
};
