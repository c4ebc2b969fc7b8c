import type { Family } from '../family.ts';

/** A second newsletter service is tried beside the first, set up well, until one of the two is given up. */
export const espTrial: Family = {
  name: 'esp-trial',
  group: 'reported',
  benign: true,
  source:
    'https://www.suped.com/knowledge/email-deliverability/technical/what-are-the-best-practices-for-email-ip-warm-up-when-switching-to-a-new-esp',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(80, 20_000) });
    const from = site.day(30);
    const decided = from + random.int(8, 28);
    const moves = random.chance(0.5);
    const mean = site.between(0.05, 0.6) * domain.volume;
    const campaign = { weekend: 0.3 * random.next(), k: site.between(1, 12) };
    const first = domain.unused('mailchimp', 'mailjet', 'brevo', 'hubspot');
    domain.service(first, { ...campaign, mean, aligned: 'dkim', to: moves ? decided : site.days - 1 });
    const second = domain.unused('mailchimp', 'mailjet', 'brevo', 'hubspot', 'sendgrid');
    const tried = site.between(0.02, 0.5);
    const trial = domain.service(second, {
      ...campaign,
      mean,
      aligned: 'dkim',
      from,
      to: moves ? site.days - 1 : decided,
      active: (day) => (day <= decided ? tried : 1),
    });
    // Somebody in the house gave it a key; whoever runs the mail may want to know that, and nothing is wrong.
    domain.expect({ what: 'new_sender', from, to: site.days - 1, most: 'low', optional: true }, { flows: [trial] });
  },
};
