import type { Family } from '../family.ts';

/** A signer that misses a part of the mail, as it always did: SPF carries it. */
export const sometimesUnsigned: Family = {
  name: 'sometimes-unsigned',
  group: 'reported',
  benign: true,
  source: 'https://github.com/Pro/dkim-exchange/issues/356',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false });
    const addresses = domain.hosts(random.pick(['office', 'hetzner'] as const), random.int(1, 3));
    const missed = site.between(0.02, 0.3);
    domain.senders.push(domain.ownServers({ mean: domain.volume * 0.7 * (1 - missed), addresses }));
    domain.mail('unsigned', { mean: domain.volume * 0.7 * missed, addresses, k: 6 });
    domain.service('mailchimp', { mean: domain.volume * 0.3, aligned: 'dkim' });
  },
};
