import type { Family } from '../family.ts';
import { onlyBy } from './seen-by.ts';

/**
 * Phishing to an organization's own people "from" a colleague, handed to its Microsoft tenant without any
 * authentication from a rented server. Nobody but Microsoft ever sees it; there, much of it is delivered.
 */
export const directSend: Family = {
  name: 'direct-send',
  group: 'reported',
  benign: false,
  source:
    'https://news.excello.email/posts/2026-06-09-microsoft-365-direct-send-exploit-dmarc-bypass; https://www.varonis.com/blog/direct-send-exploit',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(150, 8000) });
    domain.senders.push(domain.service('microsoft365', { mean: domain.volume * 0.7, aligned: 'both' }));
    const service = domain.unused('mailchimp', 'hubspot', 'brevo', 'zendesk');
    domain.senders.push(domain.service(service, { mean: domain.volume * 0.3, aligned: 'dkim' }));
    domain.forwarder({ mean: Math.max(0.3, domain.volume * 0.004) });
    const from = site.day(14);
    const to = from + random.int(2, 9);
    const hoster = random.pick(['hetzner', 'digitalocean', 'ovh'] as const);
    const flow = domain.forged({
      mean: site.between(8, 150),
      from,
      to,
      addresses: domain.networks(hoster, 1).slice(0, random.int(1, 3)),
      weekend: 0.3,
    });
    flow.reporters = onlyBy(domain, 'Enterprise Outlook');
    domain.expect({ what: 'forged', from, to, least: 'low', says: [/Microsoft|Outlook/] }, { flows: [flow] });
  },
};
