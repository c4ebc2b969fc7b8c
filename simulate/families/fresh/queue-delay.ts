import type { Family } from '../family.ts';

/**
 * Mail that waited in a queue arrives with signatures past their expiry for a day or two; SPF passes for all
 * of it.
 */
export const queueDelay: Family = {
  name: 'queue-delay',
  group: 'reported',
  benign: true,
  source: 'RFC 6376 section 3.5 (the x= tag); RFC 5321 section 4.5.4.1 (retries for days)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ aspf: 'r' });
    const main = domain.senders[0]!;
    for (let n = random.int(1, 3); n > 0; n--) {
      const from = site.day(6, 20);
      const to = from + random.int(0, 1);
      domain.breaks(main, { from, to, share: site.between(0.01, 0.12), mechanism: 'dkim' });
      site.trap('expired signatures', domain.name, from, to);
    }
  },
};
