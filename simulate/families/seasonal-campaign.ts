import type { Family } from './family.ts';

/** A newsletter comes back after 85 silent days: same service, same key, everything passes. */
export const seasonalCampaign: Family = {
  name: 'seasonal-campaign',
  group: 'tuning',
  benign: true,
  source: 'https://mailchimp.com/help/about-mailchimp-s-ip-addresses; M3AAWG Sending Domains BCP (seasonal senders)',
  days: [100, 125],
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const silent = random.int(70, 90);
    const first = random.int(3, 8);
    const length = random.int(1, 3);
    const again = first + length + silent;
    const mean = domain.volume * site.between(0.3, 6);
    const name = random.pick(['mailchimp', 'brevo', 'hubspot', 'mailjet'] as const);
    const active = (day: number) => (day < first ? 0 : day < first + length ? 1 : day >= again && day < again + length ? 1 : 0);
    domain.service(name, { mean, aligned: 'dkim', networks: random.int(1, 3), active, weekend: 1, k: 20 });
    site.trap('seasonal campaign', domain.name, again, again + length);
  },
};
