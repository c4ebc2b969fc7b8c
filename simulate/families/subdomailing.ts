import type { ProviderName } from '../internet/providers.ts';
import type { Family } from './family.ts';

const RENTED: readonly ProviderName[] = ['hetzner', 'digitalocean', 'ovh', 'ec2'];

/**
 * SubdoMailing: a CNAME or an SPF include of a forgotten campaign ends at a name that anybody could register.
 * Somebody did, and sends from rented networks: SPF passes and is aligned.
 */
export const subdomailing: Family = {
  name: 'subdomailing',
  group: 'reported',
  benign: false,
  source:
    'https://blog.redsift.com/cybersecurity/your-guide-to-the-subdomailing-campaign/ (three ways of takeover); https://zmam.ai/en/blog/subdomailing-dangling-spf/',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const from = site.day(15);
    const to = Math.min(site.days - 1, from + random.int(3, 25));
    // The include of the domain's own record, or the CNAME of a name that nobody has used for years.
    const author = random.chance(0.4) ? domain.name : `${random.pick(['promo', 'landing', 'survey', 'win'])}.${domain.name}`;
    const networks = random.int(3, 30);
    const addresses = Array.from({ length: networks }, () => domain.networks(random.pick(RENTED), 1)).flat();
    const mean = site.between(30, Math.max(300, 2 * domain.volume));
    const signed = author !== domain.name && random.chance(0.4);
    const flow = domain.mail('subdomailing', {
      mean,
      from,
      to,
      addresses,
      author,
      envelope: author,
      spf: 'pass',
      dkim: signed ? [domain.own('x', author)] : [],
      // It passes: reports cannot show that it is not ours.
      truth: null,
      what: 'incident',
      weekend: 1,
      k: 3,
    });
    domain.expect({ what: 'new_sender', from, to, least: mean >= 150 ? 'medium' : 'low' }, { flows: [flow] });
  },
};
