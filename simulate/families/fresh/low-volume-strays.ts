import type { Family } from '../family.ts';

/**
 * A few messages a week of test tools, contact forms, and old automations, from providers and consumers'
 * lines.
 */
export const lowVolumeStrays: Family = {
  name: 'low-volume-strays',
  group: 'reported',
  benign: true,
  source:
    'https://www.suped.com/learn/dmarc/how-to-interpret-dmarc-reports-for-unrecognized-email-sending-sources-and-low-volume-dmarc-failu',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    for (let n = random.int(2, 5); n > 0; n--) {
      const from = random.int(0, site.days - 20);
      const mean = site.between(0.05, 0.4);
      if (random.chance(0.5)) {
        const name = domain.unused('sendgrid', 'mailgun', 'mailjet', 'brevo', 'zendesk');
        domain.service(name, { mean, aligned: 'none', from, networks: 1 });
      } else
        domain.mail('stray tool', {
          mean,
          from,
          addresses: site.internet.strangers(random.int(1, 6), random),
          spf: random.pick(['fail', 'softfail', 'none']),
          truth: null,
        });
    }
  },
};
