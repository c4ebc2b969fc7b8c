import type { Family } from './family.ts';

/**
 * Invoices and statements at the end of the month or quarter: five to thirty times the usual mail for days.
 */
export const quarterEnd: Family = {
  name: 'quarter-end',
  group: 'tuning',
  benign: true,
  source: 'M3AAWG Sender Best Common Practices, Version 3.0 (volume and consistency)',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const main = domain.senders[0]!;
    const period = random.pick([28, 30, 31, 61]);
    const first = random.int(5, period);
    const length = random.int(1, 4);
    const factor = site.between(4, 30);
    main.active = (day) => (day >= first && (day - first) % period < length ? factor : 1);
    for (let day = first; day < site.days; day += period) site.trap('end of a month', domain.name, day, day + length);
  },
};
