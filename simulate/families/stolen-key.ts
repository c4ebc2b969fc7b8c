import type { Family } from './family.ts';

/** Strangers sign with a key of the domain’s while its own sender goes on with it. */
export const stolenKey: Family = {
  name: 'stolen-key',
  group: 'tuning',
  benign: false,
  source: 'RFC 6376 section 8 (security considerations); M3AAWG DKIM Key Rotation (2019)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false });
    const selector = random.pick(['mail', 'default', 's1']);
    domain.senders.push(domain.ownServers({ mean: domain.volume * 0.8, hosts: random.int(1, 2), selector }));
    domain.service('zendesk', { mean: domain.volume * 0.2, aligned: 'dkim' });
    const from = site.day(10);
    const to = from + random.int(2, 15);
    const at = random.pick(['digitalocean', 'ec2', 'hetzner'] as const);
    const mean = site.between(15, Math.max(200, domain.volume));
    const flow = domain.mail('stolen key', {
      mean,
      from,
      to,
      addresses: domain.networks(at, random.int(1, 4)),
      envelope: `host-${random.hex(4)}.example`,
      spf: random.pick(['pass', 'none', 'fail']),
      dkim: [domain.own(selector)],
      truth: null,
      what: 'incident',
      weekend: 1,
    });
    domain.expect(
      { what: 'stolen_key', from, to, least: mean >= 100 ? 'medium' : 'low', says: [/key|selector/i], never: [/withdraw/i] },
      { flows: [flow] },
    );
  },
};
