import type { Family } from './family.ts';

/**
 * The name service of the domain stumbles for a day or two: SPF ends in temperror for part of the mail, DKIM
 * passes.
 */
export const spfTemperrorHiccup: Family = {
  name: 'spf-temperror-hiccup',
  group: 'reported',
  benign: true,
  source: 'RFC 7208 section 2.6.6; https://learn.microsoft.com/defender-office-365/email-authentication-spf-configure',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const from = site.day(12);
    const to = from + random.int(0, 1);
    const share = site.between(0.03, 0.6);
    for (const flow of domain.senders) domain.breaks(flow, { from, to, share, mechanism: 'spf', result: 'temperror' });
    site.trap('DNS hiccup', domain.name, from, to);
  },
};
