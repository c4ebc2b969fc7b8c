import type { Family } from './family.ts';

/**
 * DKIM of the tenant fails for all mail, and SPF hides it: nothing fails DMARC but what somebody forwards.
 */
export const tenantDkimHidden: Family = {
  name: 'tenant-dkim-hidden',
  group: 'tuning',
  benign: false,
  source:
    'https://learn.microsoft.com/defender-office-365/email-authentication-dkim-configure; RFC 6376 section 6.1.2 (key retrieval)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, aspf: 'r', volume: site.between(60, 20_000) });
    const name = random.pick(['microsoft365', 'google'] as const);
    const mean = domain.volume * (0.5 + 0.5 * random.next());
    const main = domain.service(name, { mean, aligned: 'both', networks: random.int(1, 6) });
    domain.senders.push(main);
    if (random.chance(0.5)) domain.service('sendgrid', { mean: domain.volume * 0.3, aligned: 'both' });
    const passedOn = random.chance(0.5)
      ? [domain.forwarder({ mean: site.between(0.3, Math.max(1, domain.volume * 0.02)), srs: null, dkim: main.dkim })]
      : [];
    const from = site.day(15);
    const to = random.chance(0.5) ? site.days - 1 : Math.min(site.days - 1, from + random.int(7, 40));
    const result = random.pick(['fail', 'permerror', 'temperror', 'neutral', 'none']);
    const breaks = [main, ...passedOn].map((flow) => domain.breaks(flow, { from, to, share: 1, mechanism: 'dkim', result }));
    domain.expect({ what: 'broken', from, to, least: 'low', says: [/DKIM|selector|key/] }, { breaks });
  },
};
