import type { Family } from './family.ts';

/**
 * The program is started with a year of history: a forged campaign, a broken key and a silent reporter are
 * long over.
 */
export const quietYearFirstStart: Family = {
  name: 'quiet-year-first-start',
  group: 'reported',
  benign: true,
  source: 'RFC 9990 section 2 (reports are kept by whoever gets them)',
  days: [240, 365],
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(40, 400) });
    const start = site.days - 15;
    const day = () => random.int(30, start - 40);
    const addresses = site.internet.strangers(random.int(1, 60), random);
    for (let i = 0; i < 2; i++) {
      const from = day();
      domain.forged({ mean: site.between(10, 300), addresses, from, to: from + random.int(1, 14) });
    }
    const from = day();
    domain.breaks(domain.senders[0]!, { from, to: from + 6, share: 1, mechanism: 'dkim' });
    const gone = domain.service(domain.unused('brevo', 'mailjet', 'postmark', 'sparkpost'), {
      mean: domain.volume * 0.2,
      aligned: 'dkim',
      from: 20,
      to: day() + 20,
    });
    site.trap(`${gone.id} of the past`, domain.name, 0, start);
    site.startAt(start);
  },
};
