import type { Family } from './family.ts';

/** The program is first started with months of history, and a service in it that was never set up. */
export const firstStartStanding: Family = {
  name: 'first-start-standing',
  group: 'reported',
  benign: false,
  source: 'https://github.com/domainaware/parsedmarc (first import of old mailboxes); RFC 9989',
  days: [120, 200],
  plant(site) {
    const domain = site.domain({ volume: site.between(60, 2_000) });
    const mean = site.between(5, Math.max(40, domain.volume * 0.3));
    const flow = domain.service(domain.unused('brevo', 'mailjet', 'hubspot', 'mailgun'), { mean, aligned: 'none', networks: 2 });
    const start = site.days - 6;
    site.startAt(start);
    domain.expect({ what: 'unaligned', from: 0, to: site.days - 1 }, { flows: [flow] });
  },
};
