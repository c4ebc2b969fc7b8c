import type { ProviderName } from '../internet/providers.ts';
import type { Family } from './family.ts';

const RENTED: readonly ProviderName[] = ['digitalocean', 'hetzner', 'ec2', 'ovh', 'kasserver'];

/**
 * An include of the SPF record names a domain that expired; whoever registered it admits rented machines of
 * many owners.
 */
export const includeLetGo: Family = {
  name: 'include-let-go',
  group: 'tuning',
  benign: false,
  source: 'RFC 7208 section 11.4; https://zmam.ai/en/blog/subdomailing-dangling-spf/',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ aspf: 'r' });
    const from = site.day(15);
    const to = Math.min(site.days - 1, from + random.int(4, 20));
    const owners = random.shuffle(RENTED).slice(0, random.int(2, 4));
    const addresses = owners.flatMap((name) => domain.networks(name, random.int(1, 6)));
    const mean = site.between(60, Math.max(400, domain.volume));
    const flow = domain.mail('let in', {
      mean,
      from,
      to,
      addresses,
      spf: 'pass',
      truth: null,
      what: 'incident',
      weekend: 1,
      k: 4,
    });
    domain.expect({ what: 'new_sender', from, to, least: 'medium', says: [/SPF/] }, { flows: [flow] });
  },
};
