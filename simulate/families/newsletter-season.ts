import type { Family } from './family.ts';

/** A newsletter every two to six weeks, through a service that is used for nothing else. */
export const newsletterSeason: Family = {
  name: 'newsletter-season',
  group: 'tuning',
  benign: true,
  source: 'M3AAWG Sending Domains Best Common Practices (2019); https://mailchimp.com/help/about-mailchimp-s-ip-addresses',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const name = random.pick(['mailchimp', 'brevo', 'mailjet', 'hubspot'] as const);
    const days = new Set<number>();
    for (let day = random.int(1, 20); day < site.days; day += random.int(14, 42)) days.add(day);
    const networks = random.int(1, 4);
    domain.service(name, {
      mean: domain.volume * site.between(0.2, 8),
      aligned: 'dkim',
      networks,
      weekend: 1,
      k: 15,
      active: (d) => Number(days.has(d)),
    });
  },
};
