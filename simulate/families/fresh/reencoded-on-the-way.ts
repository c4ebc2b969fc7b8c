import type { Family } from '../family.ts';

/**
 * An outbound gateway converts 8-bit bodies to 7-bit after signing, and sends under an envelope of its own.
 */
export const reencodedOnTheWay: Family = {
  name: 'reencoded-on-the-way',
  group: 'reported',
  benign: false,
  source: 'RFC 7960 section 3.1.3 (modification on the way); https://github.com/roehling/postsrsd/issues/105',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const mean = Math.max(25, domain.volume * site.between(0.1, 0.6));
    const flow = domain.service(domain.unused('sendgrid', 'ses', 'mailgun', 'postmark'), {
      mean,
      aligned: 'dkim',
      double: false,
    });
    const from = site.day(16);
    const to = Math.min(site.days - 1, from + random.int(8, 30));
    const share = 0.3 + 0.6 * random.next();
    domain.expect({ what: 'broken', from, to }, { breaks: [domain.breaks(flow, { from, to, share, mechanism: 'dkim' })] });
  },
};
