import type { Family } from './family.ts';

/** A service sends aligned mail that nobody announced: somebody with access to DNS set it up. */
export const serviceUnannounced: Family = {
  name: 'service-unannounced',
  group: 'tuning',
  benign: false,
  source:
    'RFC 6376 section 3.1; https://www.twilio.com/docs/sendgrid/ui/account-and-settings/how-to-set-up-domain-authentication',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const name = domain.unused('postmark', 'brevo', 'mailjet', 'mailgun');
    const from = site.day(14);
    const to = site.days - 1;
    const mean = site.between(8, Math.max(60, domain.volume * 0.5));
    const flow = domain.service(name, { mean, aligned: 'dkim', selector: `${name}-fresh`, from, networks: random.int(1, 2) });
    domain.expect({ what: 'new_sender', from, to: Math.min(to, from + 20), most: 'medium' }, { flows: [flow] });
  },
};
