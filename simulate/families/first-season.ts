import type { Family } from './family.ts';

/** The first end of a quarter, or first season, that is seen of a sender: far more than ten times its usual. */
export const firstSeason: Family = {
  name: 'first-season',
  group: 'tuning',
  benign: true,
  source: 'M3AAWG Sender Best Common Practices, Version 3.0 (volume and consistency)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(40, 3_000) });
    const name = domain.unused('sendgrid', 'mailgun', 'ses', 'postmark', 'salesforce', 'mailjet', 'zendesk');
    const sender = random.chance(0.3)
      ? domain.senders[0]!
      : domain.service(name, { mean: domain.volume * site.between(0.1, 1), aligned: 'dkim', networks: random.int(1, 3) });
    const from = site.day(8);
    const length = random.int(1, 4);
    const factor = site.between(10, 40);
    sender.active = (day) => (day >= from && day < from + length ? factor : 1);
    site.trap('first season', domain.name, from, from + length);
  },
};
