import { PROVIDERS, provider } from '../../internet/providers.ts';
import type { Family } from '../family.ts';

/**
 * A service moves the domain from its shared addresses to dedicated ones: volume there doubles every few
 * days, and the shared ones fade. Keys and return path stay; the new addresses are named below the domain.
 */
export const dedicatedIpWarmup: Family = {
  name: 'dedicated-ip-warmup',
  group: 'reported',
  benign: true,
  source: 'https://kb.adcrux.io/kbp/user-manuals/ip-warm-up-strategy/',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(200, 20_000) });
    const service = domain.unused('sendgrid', 'mailgun', 'sparkpost', 'ses');
    const of = provider(service);
    const from = site.day(25);
    const doubling = random.int(1, 5);
    const begin = site.between(0.003, 0.1);
    const moved = (day: number) => (day < from ? 0 : Math.min(1, begin * 2 ** ((day - from) / doubling)));
    const common = {
      mean: domain.volume * site.between(0.1, 1.5),
      aligned: random.pick(['both', 'dkim'] as const),
      selector: random.pick(PROVIDERS[service].selectors),
      double: random.chance(0.5),
    };
    const shared = domain.service(service, { ...common, active: (day) => 1 - moved(day) });
    const addresses = site.internet.network(of, random.int(1, 6), random);
    const label = random.pick(['em', 'news', 'mta', 'out']);
    if (random.chance(0.75))
      for (const [i, ip] of addresses.entries()) site.internet.put(ip, of, `o${i + 1}.${label}.${domain.name}`);
    const dedicated = domain.service(service, { ...common, addresses, active: moved });
    dedicated.envelope_from = shared.envelope_from;
    dedicated.spf = { ...shared.spf };
  },
};
