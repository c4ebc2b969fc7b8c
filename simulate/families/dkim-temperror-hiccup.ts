import type { Family } from './family.ts';

/** Keys cannot be read for some hours: DKIM ends in temperror for part of the mail, SPF passes. */
export const dkimTemperrorHiccup: Family = {
  name: 'dkim-temperror-hiccup',
  group: 'tuning',
  benign: true,
  source: 'RFC 6376 section 6.1 (TEMPFAIL); RFC 8601 section 2.7.1',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, aspf: 'r' });
    const main = domain.ownServers({ mean: domain.volume });
    domain.senders.push(main);
    const from = site.day(12);
    const to = from + random.int(0, 1);
    domain.breaks(main, { from, to, share: site.between(0.02, 0.5), mechanism: 'dkim', result: 'temperror' });
    site.trap('keys could not be read', domain.name, from, to);
  },
};
