import { provider } from '../internet/providers.ts';
import type { Family } from './family.ts';

/**
 * DKIM replay: somebody receives one signed mail and sends it on to thousands from rented machines. The
 * signature holds for each copy, and nothing else does.
 */
export const dkimReplay: Family = {
  name: 'dkim-replay',
  group: 'reported',
  benign: false,
  source:
    'https://datatracker.ietf.org/doc/draft-chuang-dkim-replay-problem/ (sections 1.2 and 3); https://datatracker.ietf.org/doc/draft-crocker-dkim-replay/',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(100, 20_000) });
    const replayed = random.pick(domain.senders).dkim.filter(({ domain: signer }) => signer === domain.name);
    const from = site.day(12);
    const to = from + random.int(0, 5);
    const of = provider(random.pick(['hetzner', 'digitalocean', 'ovh', 'ec2'] as const));
    const hosts = random.int(3, 60);
    const addresses = Array.from({ length: hosts }, () => site.internet.network(of, random.int(1, 4), random)).flat();
    const envelope = random.chance(0.6) ? `mx-${random.hex(4)}.example` : domain.name;
    const mean = site.between(150, Math.max(600, 3 * domain.volume));
    const flow = domain.mail('replay', {
      mean,
      from,
      to,
      addresses,
      envelope,
      spf: envelope === domain.name ? 'softfail' : 'pass',
      dkim: replayed,
      truth: null,
      what: 'incident',
      weekend: 1,
      k: 3,
    });
    domain.expect({ what: 'stolen_key', from, to, least: 'medium', says: [/key|selector|signature/i] }, { flows: [flow] });
  },
};
