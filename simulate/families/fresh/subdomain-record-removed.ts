import type { Family } from '../family.ts';

/**
 * The shop below the domain had a DMARC record of its own, whose reports went to an agency. The record is
 * taken out; the domain's holds for the shop since then, and its mail, all of it set up well for years, turns
 * up in our reports overnight.
 */
export const subdomainRecordRemoved: Family = {
  name: 'subdomain-record-removed',
  group: 'tuning',
  benign: true,
  source: 'RFC 7489 section 6.6.3 (policy discovery); RFC 9989 (DNS tree walk)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(150, 8000) });
    const from = site.day(20);
    const shop = `${random.pick(['shop', 'store', 'news', 'tickets'])}.${domain.name}`;
    const mean = domain.volume * site.between(0.05, 1);
    const service = domain.unused('sendgrid', 'mailgun', 'sparkpost', 'postmark');
    const key = domain.own(random.pick(['s1', 'k1', 'pm', 'shop']), shop);
    const flows = [
      domain.mail(service, {
        mean: mean * 0.8,
        from,
        author: shop,
        addresses: domain.networks(service, random.int(1, 3)),
        envelope: `em${random.int(100, 999)}.${shop}`,
        dkim: [key],
        weekend: 0.8,
      }),
      domain.mail('shop server', {
        mean: mean * 0.2,
        from,
        author: shop,
        addresses: domain.hosts('hetzner', 1),
        dkim: [domain.own('mail', shop)],
        weekend: 0.8,
      }),
    ];
    domain.mail('forwarder', {
      mean: mean * 0.005,
      from,
      author: shop,
      addresses: domain.networks('ovh', 1).slice(0, 2),
      spf: 'softfail',
      dkim: [key],
      truth: 'forwarded',
      what: 'forwarder',
      k: 4,
    });
    domain.forged({ mean: 0.15, from, author: shop, addresses: site.internet.strangers(60, random), k: 2 });
    domain.expect({ what: 'new_sender', from, to: site.days - 1, most: 'low', optional: true }, { flows });
  },
};
