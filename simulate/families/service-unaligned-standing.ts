import type { Family } from './family.ts';

/** A rightful service has never been set up, since before the first report. */
export const serviceUnalignedStanding: Family = {
  name: 'service-unaligned-standing',
  group: 'tuning',
  benign: false,
  source: 'https://help.brevo.com/hc/articles/208848409; RFC 9989',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const mean = site.between(4, Math.max(30, domain.volume * 0.3));
    const flow = domain.service(domain.unused('brevo', 'mailjet', 'hubspot', 'mailgun'), {
      mean,
      aligned: 'none',
      networks: random.int(1, 2),
    });
    domain.expect({ what: 'unaligned', from: 0, to: site.days - 1 }, { flows: [flow] });
  },
};
