import type { Family } from './family.ts';

/** A customer database begins to send, published and approved before its first mail. */
export const crmApproved: Family = {
  name: 'crm-approved',
  group: 'reported',
  benign: true,
  source: 'https://knowledge.hubspot.com/marketing-email/manage-email-authentication-in-hubspot; SPF of _spf.salesforce.com',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const [name, id] = random.pick([
      ['hubspot', 'hubspot'],
      ['mailchimp', 'mailchimp'],
      ['zendesk', 'zendesk'],
      ['sendgrid', 'sendgrid'],
      ['mailgun', 'mailgun'],
    ] as const);
    const day = site.day(20);
    domain.approve(day - random.int(0, 5), id);
    const mean = domain.volume * site.between(0.01, 1);
    const length = random.int(1, 20);
    const active = (d: number) => Math.min(1, Math.max(0, (d - day + 1) / length));
    domain.service(name, { mean, aligned: 'dkim', networks: random.int(1, 4), selector: `${name}new`, active });
    site.trap('approved service begins', domain.name, day, day + length);
  },
};
