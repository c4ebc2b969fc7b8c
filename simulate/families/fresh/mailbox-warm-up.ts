import type { Family } from '../family.ts';

/**
 * Sales prepares an outreach: a tool lets new mailboxes write to each other's, a few more every day and on
 * Sundays too, until the organization's main service sends up to twice of what it did. All of it passes.
 */
export const mailboxWarmUp: Family = {
  name: 'mailbox-warm-up',
  group: 'reported',
  benign: true,
  source: 'https://support.6sense.com/v1/docs/email-inbox-warmup; https://coldconvert.sale/blog/email-warmup-how-long-how-fast',
  days: [80, 105],
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(150, 2500) });
    const host = random.pick(['google', 'microsoft365'] as const);
    const main = domain.service(host, { mean: domain.volume * 0.75, aligned: 'both' });
    const service = domain.unused('mailchimp', 'hubspot', 'brevo', 'zendesk');
    domain.senders.push(main, domain.service(service, { mean: domain.volume * 0.25, aligned: 'dkim' }));
    domain.forwarder({ mean: Math.max(0.3, domain.volume * 0.004) });
    const from = site.day(30);
    const ramp = random.int(14, 28);
    const flow = domain.mail(host, {
      mean: main.mean * (0.4 + 0.8 * random.next()),
      from,
      active: (day) => Math.min(1, (day - from + 1) / ramp),
      weekend: 1,
      addresses: main.addresses,
      envelope: main.envelope_from,
      dkim: main.dkim,
      k: 40,
    });
    // The mailboxes that answer are nearly all at these two.
    const large = ['google.com', 'Enterprise Outlook'];
    flow.reporters = new Map(
      domain.domain.mix.map(({ reporter: { dialect } }) => [dialect.org_name, large.includes(dialect.org_name) ? 1 : 0.05]),
    );
    site.trap('mailboxes are warmed up', domain.name, from, site.days - 1);
  },
};
