import type { Family } from './family.ts';

/** DKIM of the tenant fails for all mail; direct mail survives on SPF alone, forwarded mail does not. */
export const tenantDkimBroken: Family = {
  name: 'tenant-dkim-broken',
  group: 'tuning',
  benign: false,
  source:
    'https://learn.microsoft.com/defender-office-365/email-authentication-dkim-configure (rotation; keys removed from DNS); RFC 7960 section 3.2.1 (forwarding keeps DKIM alone)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, aspf: 'r', volume: site.between(100, 10_000) });
    const selector = 'selector1';
    const main = domain.service('microsoft365', { mean: domain.volume * 0.8, aligned: 'both', selector });
    domain.senders.push(main);
    const forwarders = Array.from({ length: random.int(1, 3) }, () =>
      domain.forwarder({ mean: Math.max(0.5, domain.volume * site.between(0.005, 0.08)), dkim: [domain.own(selector)] }),
    );
    if (random.chance(0.5)) domain.service('sendgrid', { mean: domain.volume * 0.2, aligned: 'both' });
    const from = site.day(15);
    const to = Math.min(site.days - 1, from + random.int(6, 30));
    const result = random.pick(['fail', 'permerror', 'temperror', 'fail']);
    const breaks = [main, ...forwarders].map((flow) => domain.breaks(flow, { from, to, share: 1, mechanism: 'dkim', result }));
    domain.expect({ what: 'broken', from, to, least: 'medium', says: [/DKIM|selector1/] }, { breaks });
  },
};
