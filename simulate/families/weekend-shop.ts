import type { Family } from './family.ts';

/** A shop whose mail goes out on weekends and evenings, through a service: five times a weekday. */
export const weekendShop: Family = {
  name: 'weekend-shop',
  group: 'tuning',
  benign: true,
  source: 'M3AAWG Sender Best Common Practices, Version 3.0',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    domain.service(random.pick(['mailchimp', 'sendgrid', 'mailjet'] as const), {
      mean: domain.volume * site.between(0.1, 1),
      aligned: 'dkim',
      weekend: site.between(2, 8),
      k: 6,
    });
  },
};
