import type { Family } from './family.ts';

/**
 * The whole company is away for weeks: many times the automatic replies, with an empty return path, signed or
 * not.
 */
export const outOfOffice: Family = {
  name: 'out-of-office',
  group: 'tuning',
  benign: true,
  source:
    'RFC 3834 section 3.3; RFC 7208 section 2.4; https://learn.microsoft.com/exchange/mail-flow-best-practices/high-risk-delivery-pool-for-outbound-messages',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(20, 15_000) });
    const main = domain.senders[0]!;
    const own = main.id.startsWith('own servers');
    const google = main.id.startsWith('google');
    const helo = own
      ? `${random.pick(['mail', 'mx', 'smtp'])}.${domain.name}`
      : google
        ? `mail-lf1-f${random.int(40, 60)}.google.com`
        : 'EUR03-VI1-obe.outbound.protection.outlook.com';
    const signed = random.chance(0.6);
    const spf = own ? random.pick(['pass', 'pass', 'none', 'softfail']) : 'pass';
    const first = site.day(12);
    const last = first + random.int(3, 25);
    // No more replies than mail comes in.
    const mean = Math.max(0.1, main.mean * site.between(0.001, 0.05));
    const factor = Math.max(1, Math.min(site.between(3, 80), (0.6 * main.mean) / mean));
    // Replies to strangers leave Microsoft through networks of their own: the high-risk delivery pool.
    const apart = !own && random.chance(0.4);
    const replies = domain.mail('automatic replies', {
      mean,
      addresses: apart ? domain.networks(google ? 'google' : 'microsoft365', 1) : main.addresses,
      envelope: helo,
      spf,
      dkim: signed ? main.dkim : [],
      active: (day) => (day >= first && day <= last ? factor : 1),
      weekend: random.chance(0.5) ? 1 : domain.weekend,
      k: 4,
    });
    replies.envelope_from = '';
    site.trap('away', domain.name, first, last);
    if (signed || (own && spf === 'pass')) return;
    replies.truth = 'misaligned';
    domain.expect({ what: 'broken', from: 0, to: site.days - 1, most: 'low', optional: true }, { flows: [replies] });
    domain.expect({ what: 'unaligned', from: 0, to: site.days - 1, most: 'low', optional: true });
  },
};
