import type { Family } from './family.ts';

/** Sales days in November: eight times the mail of a service for three days, and all of it passes. */
export const novemberDays: Family = {
  name: 'november-days',
  group: 'tuning',
  benign: true,
  source: 'M3AAWG Sender Best Common Practices, Version 3.0 (2015), on volume',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const flow = domain.service(random.pick(['sendgrid', 'mailchimp', 'ses', 'brevo'] as const), {
      mean: domain.volume * (0.3 + 0.6 * random.next()),
      aligned: 'dkim',
      networks: random.int(1, 3),
    });
    const day = site.day(12);
    const length = random.int(2, 5);
    const factor = site.between(4, 16);
    flow.active = (d) => (d >= day && d < day + length ? factor : 1);
    flow.weekend = 1;
    site.trap('sales days', domain.name, day, day + length);
  },
};
