import type { Family } from './family.ts';

/**
 * Mailboxes move from the own Exchange server, which signs nothing, to Microsoft 365 over weeks. Devices and
 * applications stay with the old server, or it is switched off.
 */
export const hybridToCloud: Family = {
  name: 'hybrid-to-cloud',
  group: 'reported',
  benign: true,
  source:
    'https://edos.com.au/blog/exchange-to-m365-migration-email-problems/; https://technet.microsoft.com/library/e1da5f2f-c732-4010-85c9-878b2cef3fb3',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(60, 10_000) });
    const from = site.day(25);
    const weeks = random.chance(0.4) ? 0 : random.int(3, 20);
    const rest = random.chance(0.5) ? 0 : 0.02 + 0.15 * random.next();
    const moved = (day: number) => (day < from ? 0 : Math.min(1 - rest, weeks === 0 ? 1 : (day - from + 1) / weeks));
    const mean = domain.volume * 0.85;
    const at = random.pick(['office', 'hetzner'] as const);
    const addresses = domain.hosts(at, random.int(1, 2));
    const old = domain.mail('exchange', { mean, addresses, active: (day) => 1 - moved(day), k: 25 });
    domain.senders.push(old);
    domain.service('mailchimp', { mean: domain.volume * 0.15, aligned: 'dkim' });
    const networks = random.int(2, 5);
    // DKIM of the own domain is switched on before the first mailbox moves, as the checklist says.
    domain.service('microsoft365', { mean, aligned: 'both', selector: 'selector1', networks, active: moved });
    site.trap('moves to Microsoft 365', domain.name, from, from + weeks + 14);
  },
};
