import type { Family } from '../family.ts';

/**
 * Automatic replies have an empty return path, so SPF is evaluated for the HELO name of the server, and at a
 * provider that name is the provider's. Some servers sign before they generate the reply, not after.
 */
export const vacationNullSender: Family = {
  name: 'vacation-null-sender',
  group: 'reported',
  benign: true,
  source: 'RFC 7960 section 3.1.3, RFC 7208 section 2.4, RFC 5230 section 5.1',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const main = domain.senders[0]!;
    const own = main.id.startsWith('own servers');
    const helo = own
      ? `mail.${domain.name}`
      : main.id.startsWith('google')
        ? 'mail-ej1-f54.google.com'
        : 'EUR05-AM6-obe.outbound.protection.outlook.com';
    const signed = random.chance(own ? 0.6 : 0.85);
    const away = Array.from({ length: random.int(1, 3) }, () => {
      const first = random.int(10, site.days - 6);
      return { first, last: first + random.int(4, 20), factor: site.between(2, 20) };
    });
    const replies = domain.mail('automatic replies', {
      mean: Math.max(0.2, main.mean * site.between(0.003, 0.04)),
      addresses: main.addresses,
      envelope: helo,
      spf: own && random.chance(0.3) ? 'none' : 'pass',
      dkim: signed ? main.dkim : [],
      active: (day) => away.find(({ first, last }) => day >= first && day <= last)?.factor ?? 1,
      k: 5,
    });
    // Reports leave the element empty: there is no envelope sender.
    replies.envelope_from = '';
    for (const { first, last } of away) site.trap('automatic replies of a holiday', domain.name, first, last);
    if (signed || (own && replies.spf.result === 'pass')) return;
    replies.truth = 'misaligned';
    // That the replies are unsigned is worth knowing, and no more.
    domain.expect({ what: 'broken', from: 0, to: site.days - 1, most: 'low', optional: true }, { flows: [replies] });
  },
};
