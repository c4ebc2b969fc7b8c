import type { Family } from './family.ts';

/**
 * A disclaimer added after signing is rolled out by department: a growing part of the signatures fails, SPF
 * carries it.
 */
export const footerRollout: Family = {
  name: 'footer-rollout',
  group: 'tuning',
  benign: false,
  source:
    'https://learn.microsoft.com/exchange/security-and-compliance/mail-flow-rules/disclaimers-signatures-footers-or-headers; RFC 6377 section 3.2',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(60, 8_000) });
    const main = domain.ownServers({ mean: domain.volume * 0.8, hosts: random.int(1, 4) });
    domain.senders.push(main);
    domain.service('mailchimp', { mean: domain.volume * 0.2, aligned: 'dkim' });
    const from = site.day(20);
    const steps = random.int(2, 4);
    const pace = random.int(2, 6);
    const breaks = Array.from({ length: steps }, (_, i) =>
      domain.breaks(main, {
        from: from + i * pace,
        to: i === steps - 1 ? site.days - 1 : from + (i + 1) * pace - 1,
        share: (i + 1) / steps,
        mechanism: 'dkim',
      }),
    );
    domain.expect({ what: 'broken', from, to: site.days - 1 }, { breaks });
  },
};
