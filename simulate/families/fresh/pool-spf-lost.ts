import type { Family } from '../family.ts';

/**
 * Web servers in many networks send unsigned; the term that admitted all of them was dropped from the record.
 */
export const poolSpfLost: Family = {
  name: 'pool-spf-lost',
  group: 'reported',
  benign: false,
  source:
    'RFC 7208 section 10.1.1; https://www.suped.com/learn/dmarc/how-to-interpret-dmarc-reports-for-unrecognized-email-sending-sources-and-low-volume-dmarc-failu',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(150, 6_000) });
    const networks = random.int(5, 30);
    const named = random.chance(0.7);
    const at = random.pick(['hetzner', 'digitalocean'] as const);
    const addresses = named
      ? Array.from({ length: networks }, () => domain.hosts(at, 1)).flat()
      : domain.networks(at, networks).filter((_, n) => n % 2 === 0);
    const flow = domain.mail('web servers', { mean: networks * site.between(1, 5), addresses });
    const from = site.day(14);
    const to = Math.min(site.days - 1, from + random.int(7, 30));
    const result = random.pick(['fail', 'softfail']);
    domain.expect(
      { what: 'broken', from, to },
      { breaks: [domain.breaks(flow, { from, to, share: 1, mechanism: 'spf', result })] },
    );
  },
};
