import type { Family } from './family.ts';

/** A team switches a service on and publishes nothing: what it signs is its own. */
export const serviceUnpublished: Family = {
  name: 'service-unpublished',
  group: 'reported',
  benign: false,
  source:
    'https://www.twilio.com/docs/sendgrid/ui/account-and-settings/how-to-set-up-domain-authentication; RFC 9989 section 4.4',
  plant(site) {
    const domain = site.domain();
    const name = domain.unused('mailgun', 'brevo', 'mailjet', 'hubspot', 'zendesk');
    const from = site.day(14);
    const to = site.days - 1;
    const mean = site.between(3, Math.max(30, domain.volume * 0.5));
    const flow = domain.service(name, { mean, aligned: 'none', from, to, networks: 2 });
    domain.expect({ what: 'unaligned', from, to }, { flows: [flow] });
  },
};
