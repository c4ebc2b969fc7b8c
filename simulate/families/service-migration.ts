import type { Family } from './family.ts';

/**
 * A team moves from one mail service to another over some weeks: the old falls, the new rises, both aligned.
 */
export const serviceMigration: Family = {
  name: 'service-migration',
  group: 'tuning',
  benign: true,
  source:
    'https://documentation.mailgun.com/docs/mailgun/user-manual/domains/domains-warmup; https://www.twilio.com/docs/sendgrid/ui/sending-email/warming-up-an-ip-address',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const begin = site.day(25);
    const length = random.int(1, 30);
    const mean = domain.volume * (0.1 + 0.5 * random.next());
    const [from, to] = random.pick([
      ['sendgrid', 'mailgun'],
      ['sendgrid', 'mailgun'],
      ['mailgun', 'postmark'],
      ['mailchimp', 'brevo'],
      ['ses', 'sendgrid'],
    ] as const);
    const moved = (day: number) => Math.min(1, Math.max(0, (day - begin) / length));
    domain.service(from, { mean, aligned: 'dkim', selector: `${from}1`, active: (day) => 1 - moved(day) });
    const count = random.int(1, 4);
    for (let i = 0; i < count; i++) {
      // Each network of the new service joins as the volume grows.
      const joins = begin + Math.floor((i * length) / count);
      const active = (day: number) => (day >= joins ? moved(day) / count : 0);
      domain.service(to, { mean, aligned: 'dkim', selector: `${to}1`, networks: 1, active });
    }
    site.trap(`migration from ${from} to ${to}`, domain.name, begin, begin + length);
  },
};
