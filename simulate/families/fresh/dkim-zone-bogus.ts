import type { Family } from '../family.ts';
import { seenBy } from './seen-by.ts';

/**
 * All keys are in a zone of their own (_domainkey is delegated), whose DNSSEC goes wrong in a rollover.
 * Receivers that validate get no key at all, the others notice nothing: for some days every signature of ours
 * ends in temperror there, and what SPF does not carry fails.
 */
export const dkimZoneBogus: Family = {
  name: 'dkim-zone-bogus',
  group: 'tuning',
  benign: false,
  source:
    'RFC 6376 section 6.1.2 and RFC 4035 section 5.5; https://support.valimail.com/en/articles/8466430-dmarc-dkim-ns-pointer-records',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(200, 10_000) });
    const service = domain.unused('mailchimp', 'brevo', 'zendesk', 'salesforce');
    const mean = domain.volume * site.between(0.1, 0.4);
    domain.senders.push(domain.service(service, { mean, aligned: 'dkim' }));
    const validating = ['google.com', 'GMX', 'Fastmail Pty Ltd', 'Linden University Postmaster'];
    const from = site.day(16);
    const to = from + random.int(2, 8);
    const share = 0.85 + 0.15 * random.next();
    const breaks = [...domain.senders].map((flow) =>
      domain.breaks(seenBy(domain, flow, validating), { from, to, share, mechanism: 'dkim', result: 'temperror' }),
    );
    domain.expect({ what: 'broken', from, to, least: 'low', says: [/DNS|temperror/i] }, { breaks });
  },
};
