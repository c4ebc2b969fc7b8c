import type { Family } from './family.ts';

/** Forged mail from rented machines with a return path of the forger’s own: SPF passes, for somebody else. */
export const spoofFromCloud: Family = {
  name: 'spoof-from-cloud',
  group: 'reported',
  benign: false,
  source: 'RFC 9989 section 4.4 (alignment); https://www.spamhaus.org/resource-hub',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ sp: null });
    const from = site.day(10);
    const to = from + random.int(0, 12);
    const addresses = domain.networks(random.pick(['digitalocean', 'ec2', 'hetzner'] as const), random.int(1, 4));
    const envelope = `promo-${random.hex(5)}.example`;
    const flow = domain.forged({
      mean: site.between(10, 3_000),
      addresses,
      from,
      to,
      envelope,
      spf: random.pick(['pass', 'pass', 'none']),
    });
    // Reports alone cannot tell this from a service that was never set up.
    flow.truth = null;
    domain.expect({ what: 'forged', from, to }, { flows: [flow] });
  },
};
