import type { Family } from './family.ts';

/**
 * The record turns strict or relaxed (aspf, adkim); all mail passes under both by DKIM of the domain itself.
 */
export const aspfChange: Family = {
  name: 'aspf-change',
  group: 'tuning',
  benign: true,
  source: 'RFC 9989 section 4.4 (alignment modes)',
  plant(site) {
    const { random } = site;
    const strict = random.chance(0.5);
    const domain = site.domain({ usual: false, aspf: strict ? 's' : 'r' });
    domain.senders.push(domain.ownServers({ mean: domain.volume * 0.6 }));
    domain.service('sendgrid', { mean: domain.volume * 0.3, aligned: 'both' });
    const from = site.day(20);
    domain.publishes(random.chance(0.7) ? { aspf: strict ? 'r' : 's' } : { aspf: strict ? 'r' : 's', adkim: 's' }, from);
    site.trap('alignment mode changed', domain.name, from, from + 5);
  },
};
