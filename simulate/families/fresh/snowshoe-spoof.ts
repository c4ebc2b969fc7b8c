import { provider } from '../../internet/providers.ts';
import type { Family } from '../family.ts';

/**
 * A forger rents whole networks and sends a handful of messages from each address, below every limit that
 * counts by address. The return path is ours, or a throw-away domain that passes SPF and is signed.
 */
export const snowshoeSpoof: Family = {
  name: 'snowshoe-spoof',
  group: 'tuning',
  benign: false,
  source:
    'https://wordtothewise.com/2009/10/spamhaus-vs-snowshoe-spammers/; https://vpnunlimited.com/help/cybersecurity/snowshoe-spam',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const from = site.day(20);
    const to = from + random.int(2, 14);
    const networks = random.int(1, 6);
    const of = provider(random.pick(['hetzner', 'digitalocean', 'ec2'] as const));
    const addresses = Array.from({ length: networks }, () => site.internet.network(of, random.int(8, 60), random)).flat();
    // At most a few messages an address and day; the weakest is a dozen a day in all.
    const mean = site.between(12, Math.max(25, 3 * addresses.length));
    const own = random.chance(0.5);
    const throwaway = `${random.pick(['mailer', 'offers', 'notice'])}-${random.hex(4)}.example`;
    if (random.chance(0.6)) {
      for (const [i, ip] of addresses.entries()) site.internet.put(ip, of, `host${i + 1}.${throwaway}`);
    }
    const flow = domain.forged({
      mean,
      addresses,
      from,
      to,
      k: 8,
      ...(own
        ? {}
        : {
            envelope: throwaway,
            spf: 'pass',
            dkim: random.chance(0.5) ? [{ domain: throwaway, selector: 's', result: 'pass' }] : [],
          }),
    });
    // Where receivers refuse it, it is news and no emergency.
    const refused = domain.domain.policy.p === 'reject';
    const least = mean >= 60 && !refused ? 'medium' : 'low';
    domain.expect({ what: 'forged', from, to, least, most: refused ? 'high' : 'critical' }, { flows: [flow] });
  },
};
