import type { Family } from './family.ts';

/** A service moves all its customers to new networks within days; keys, names and return path stay. */
export const providerRenumbered: Family = {
  name: 'provider-renumbered',
  group: 'reported',
  benign: true,
  source: 'https://help.brevo.com/hc/articles/208848409; https://help.mailjet.com (announced changes of addresses)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ aspf: 'r' });
    const name = random.pick(['brevo', 'mailjet', 'postmark', 'zendesk', 'salesforce'] as const);
    const day = site.day(20);
    const length = random.int(0, 7);
    const mean = domain.volume * site.between(0.05, 0.6);
    const selector = `${name}key`;
    const moved = (d: number) => Math.min(1, Math.max(0, (d - day + 1) / (length + 1)));
    domain.service(name, { mean, aligned: 'dkim', networks: random.int(1, 3), selector, active: (d) => 1 - moved(d) });
    domain.service(name, { mean, aligned: 'dkim', networks: random.int(1, 4), selector, active: moved });
    site.trap('provider renumbered', domain.name, day, day + length);
  },
};
