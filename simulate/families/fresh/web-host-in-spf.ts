import { provider } from '../../internet/providers.ts';
import type { Family } from '../family.ts';

/**
 * The SPF record names the web server (`a`), which sends an order confirmation now and then, or nothing.
 * Somebody breaks into the shop and sends from there: SPF passes and is aligned, nothing is signed.
 */
export const webHostInSpf: Family = {
  name: 'web-host-in-spf',
  group: 'tuning',
  benign: false,
  source: 'RFC 7208 section 11.4; https://wp-detox.com/en/blog/symptomes/wordpress-sending-spam-emails/',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const from = site.day(15);
    const to = from + random.int(1, 6);
    const of = provider(random.pick(['hetzner', 'digitalocean', 'kasserver', 'ovh'] as const));
    const [ip] = site.internet.network(of, 1, random) as [string];
    const host = `${random.pick(['www', 'shop', 'web1'])}.${domain.name}`;
    const named = random.chance(0.7);
    if (named) site.internet.put(ip, of, host);
    const web = { addresses: [ip], envelope: random.pick([domain.name, host]), spf: 'pass', dkim: [] };
    const usual = random.chance(0.6) ? site.between(0.3, Math.max(2, 0.03 * domain.volume)) : 0;
    if (usual > 0) domain.mail('web server', { ...web, mean: usual, k: 4 });
    const mean = site.between(Math.max(15, 5 * usual), Math.max(80, 10 * usual, domain.volume));
    // It passes: reports cannot show that it is not ours.
    const attack = domain.mail('web server', { ...web, mean, from, to, weekend: 1, k: 3, truth: null, what: 'incident' });
    domain.expect(
      {
        what: usual > 0 ? 'takeover' : 'new_sender',
        from,
        to,
        least: mean >= 200 && usual > 0 ? 'medium' : 'low',
        // Which machine: its name or its address.
        says: [new RegExp(`${host}|${ip}`.replaceAll('.', '\\.'))],
      },
      { flows: [attack] },
    );
  },
};
