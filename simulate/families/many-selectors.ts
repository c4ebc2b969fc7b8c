import type { Family } from './family.ts';

/** A service signs with several keys by turns, new ones among them. */
export const manySelectors: Family = {
  name: 'many-selectors',
  group: 'reported',
  benign: true,
  source:
    'https://docs.aws.amazon.com/ses/latest/dg/send-email-authentication-dkim-easy.html (three keys); https://mailchimp.com/help/set-up-email-domain-authentication',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const name = random.pick(['ses', 'mailchimp', 'salesforce'] as const);
    const addresses = domain.networks(name, random.int(1, 3));
    const mean = domain.volume * site.between(0.05, 0.5);
    const keys = random.int(2, 4);
    for (let i = 0; i < keys; i++) {
      domain.service(name, {
        mean: mean / keys,
        aligned: 'dkim',
        addresses,
        selector: `${name}${i}`,
        from: i === 0 ? 0 : random.int(0, site.days - 10),
      });
    }
  },
};
