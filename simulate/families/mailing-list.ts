import type { Family } from './family.ts';

/** Staff join a mailing list that keeps the author's From and adds a footer: both mechanisms fail for us. */
export const mailingList: Family = {
  name: 'mailing-list',
  group: 'tuning',
  benign: true,
  source: 'RFC 7960 section 3.2.3.1 (mailing lists); RFC 9989 section 7.4; RFC 6377',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const day = site.day(20, 30);
    const count = random.int(1, 2);
    for (let i = 0; i < count; i++)
      domain.list({ mean: site.between(0.5, Math.max(3, domain.volume * 0.12)), from: day + random.int(0, 9) });
    site.trap('mailing list that keeps From', domain.name, day, site.days - 1);
  },
};
