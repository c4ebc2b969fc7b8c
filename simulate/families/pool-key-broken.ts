import type { Family } from './family.ts';

/** Servers of the domain's own in many networks, each with little mail, sign with a key that DNS lost. */
export const poolKeyBroken: Family = {
  name: 'pool-key-broken',
  group: 'tuning',
  benign: false,
  source: 'RFC 6376 section 3.6.1 (revoked keys); M3AAWG DKIM Key Rotation Best Common Practices (2019)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(200, 8_000) });
    const networks = random.int(6, 25);
    const at = random.pick(['hetzner', 'digitalocean', 'ec2'] as const);
    const addresses = Array.from({ length: networks }, () => domain.hosts(at, 1)).flat();
    const mean = networks * site.between(0.7, 4);
    const spf = random.pick(['pass', 'pass', 'none']);
    const flow = domain.mail('pool', {
      mean,
      addresses,
      spf,
      dkim: [domain.own('edge')],
      ...(spf === 'none' && { envelope: 'mta.invalid.example' }),
    });
    const from = site.day(14);
    const to = Math.min(site.days - 1, from + random.int(8, 30));
    domain.expect(
      { what: 'broken', from, to },
      { breaks: [domain.breaks(flow, { from, to, share: 1, mechanism: 'dkim', result: random.pick(['fail', 'permerror']) })] },
    );
  },
};
