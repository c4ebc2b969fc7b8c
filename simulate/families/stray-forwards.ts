import type { Family } from './family.ts';

/** A message or two now and then comes through somebody's forwarder that changes it: both mechanisms fail. */
export const strayForwards: Family = {
  name: 'stray-forwards',
  group: 'tuning',
  benign: true,
  source: 'https://github.com/GSA/data.gov/issues/4245; RFC 7960 section 3.2.1',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ sp: null });
    const author = domain.senders[0]?.dkim[0] ?? domain.own('mail');
    for (let n = random.int(3, 12); n > 0; n--) {
      const day = random.int(5, site.days - 1);
      domain.mail('stray', {
        mean: random.int(1, 3),
        from: day,
        to: day,
        addresses: domain.networks(random.pick(['hetzner', 'ec2', 'digitalocean'] as const), 1),
        spf: random.pick(['fail', 'softfail']),
        dkim: [{ ...author, result: 'fail' }],
        truth: 'forwarded',
        what: 'forwarder',
        weekend: 1,
      });
    }
  },
};
