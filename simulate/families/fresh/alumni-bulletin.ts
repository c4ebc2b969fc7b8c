import { provider } from '../../internet/providers.ts';
import type { Family } from '../family.ts';

/**
 * A bulletin to lifelong addresses that a university forwards to wherever its alumni read mail: on a few days
 * much of the domain's mail comes from the university's servers. A spam filter there tags some subjects.
 */
export const alumniBulletin: Family = {
  name: 'alumni-bulletin',
  group: 'tuning',
  benign: true,
  source: 'RFC 7960 sections 3.2.1 and 3.2.5; https://knowledgenow.soton.ac.uk/Articles/KB0059887',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const from = random.chance(0.35) ? random.int(0, 10) : site.day(20);
    const every = random.pick([7, 14, 28]);
    const host = `${random.pick(['alumni', 'graduates', 'forlife'])}-${random.hex(3)}.example`;
    const of = provider(random.pick(['hetzner', 'office', 'ec2'] as const));
    const addresses = site.internet.network(of, random.int(1, 8), random);
    for (const [i, ip] of addresses.entries()) site.internet.put(ip, of, `mx${i + 1}.${host}`);
    const flow = domain.forwarder({
      mean: site.between(3, Math.max(8, 0.6 * domain.volume)),
      addresses,
      srs: random.chance(0.3) ? host : null,
      dkim: random.pick(domain.senders).dkim.filter(({ domain: signer }) => signer === domain.name),
      from,
      // The day itself, stragglers on the next, single letters in between.
      active: (day) => [1, 0.15][(day - from) % every] ?? 0.01,
      weekend: 1,
    });
    // Alumni are everywhere.
    flow.reporters = new Map();
    domain.breaks(flow, { from: 0, to: site.days - 1, share: 0.25 * random.next(), mechanism: 'dkim' });
  },
};
