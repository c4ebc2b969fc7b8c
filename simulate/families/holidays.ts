import type { Family } from './family.ts';

/** Everybody is on holiday: a tenth of the mail for one to three weeks, then all of it again, with a bump. */
export const holidays: Family = {
  name: 'holidays',
  group: 'tuning',
  benign: true,
  source: 'https://support.google.com/mail/answer/81126 (volumes vary); RFC 9990 (days without mail have no report)',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const from = site.day(25);
    const to = from + random.int(6, 20);
    const rest = 0.02 + 0.2 * random.next();
    const bump = 1 + random.next();
    for (const flow of domain.senders) {
      const usual = flow.active;
      flow.active = (d) => usual(d) * (d >= from && d <= to ? rest : d > to && d <= to + 2 ? bump : 1);
    }
    site.trap('holidays', domain.name, from, to + 3);
  },
};
