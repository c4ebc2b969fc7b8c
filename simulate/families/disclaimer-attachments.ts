import type { Family } from './family.ts';

/**
 * A disclaimer breaks the signature of messages with attachments, and always did; SPF passes for all of them.
 */
export const disclaimerAttachments: Family = {
  name: 'disclaimer-attachments',
  group: 'tuning',
  benign: true,
  source: 'https://github.com/Pro/dkim-exchange/issues/331; RFC 6377 section 3.2',
  plant(site) {
    const domain = site.domain({ usual: false });
    const main = domain.ownServers({ mean: domain.volume * 0.8 });
    domain.senders.push(main);
    domain.service('hubspot', { mean: domain.volume * 0.2, aligned: 'dkim' });
    domain.breaks(main, { from: 0, to: site.days - 1, share: site.between(0.02, 0.2), mechanism: 'dkim' });
  },
};
