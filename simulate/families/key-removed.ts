import type { Family } from './family.ts';

/** The key of a service that DKIM alone aligns is gone from DNS: all of its mail fails. */
export const keyRemoved: Family = {
  name: 'key-removed',
  group: 'reported',
  benign: false,
  source:
    'RFC 6376 section 3.6.1; https://www.twilio.com/docs/sendgrid/ui/account-and-settings/how-to-set-up-domain-authentication',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const name = random.pick(['mailchimp', 'hubspot', 'zendesk', 'ses', 'salesforce'] as const);
    const flow = domain.service(name, { mean: Math.max(5, domain.volume * site.between(0.03, 0.6)), aligned: 'dkim' });
    const from = site.day(14);
    const to = Math.min(site.days - 1, from + random.int(4, 40));
    const result = random.pick(['fail', 'permerror']);
    domain.expect(
      { what: 'broken', from, to },
      { breaks: [domain.breaks(flow, { from, to, share: 1, mechanism: 'dkim', result })] },
    );
  },
};
