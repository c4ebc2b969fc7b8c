import type { Family } from './family.ts';

/**
 * The first end of a quarter, or first season, that is seen of a sender: far more than ten times its usual.
 */
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
    // Worlds end on 30 June: the last day that is reported on is one of a quarter's end, and the first that
    // is seen.
    const from = site.days - 1;
    const factor = site.between(10, 20);
    sender.active = (day) => (day === from ? factor : 1);
    site.trap('first season', domain.name, from, from);
  },
};
