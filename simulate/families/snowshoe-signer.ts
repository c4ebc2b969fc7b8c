import type { Family } from './family.ts';

/**
 * Forged mail in small numbers from many networks, all signed by a domain that the forger registered for it.
 */
export const snowshoeSigner: Family = {
  name: 'snowshoe-signer',
  group: 'tuning',
  benign: false,
  source: 'https://www.spamhaus.org/faqs/snowshoe-spamming; RFC 9989 section 4.4 (alignment)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ sp: null });
    const from = site.day(10);
    const to = from + random.int(2, 12);
    const networks = random.int(6, 40);
    const signer = `${random.pick(['offers', 'updates', 'notice', 'billing'])}-${random.hex(5)}.example`;
    const hosts = Array.from({ length: random.int(1, 3) }, () => random.pick(['digitalocean', 'hetzner', 'ec2'] as const));
    const addresses = hosts.flatMap((at) => domain.networks(at, Math.ceil(networks / hosts.length)));
    const flow = domain.forged({
      mean: networks * site.between(2, 15),
      addresses,
      from,
      to,
      envelope: signer,
      spf: 'pass',
      dkim: [{ domain: signer, selector: 's1', result: 'pass' }],
    });
    // Reports alone cannot tell this from a service that was never set up.
    flow.truth = null;
    domain.expect({ what: 'forged', from, to, least: 'low', says: [/What to do\s+- If you do not know/] }, { flows: [flow] });
  },
};
