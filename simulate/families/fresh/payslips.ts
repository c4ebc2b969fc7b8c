import { Calendar } from '../../calendar.ts';
import type { Family } from '../family.ts';

/** An HR or billing service sends next to nothing but on the last working day of each month. */
export const payslips: Family = {
  name: 'payslips',
  group: 'reported',
  benign: true,
  source: 'M3AAWG Sender Best Common Practices 3.0 (transactional mail in batches)',
  days: [80, 110],
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const calendar = new Calendar(site.days);
    const isLast = (day: number) => {
      let next = day + 1;
      while (calendar.isWeekend(next)) next++;
      return !calendar.isWeekend(day) && calendar.text(next).slice(0, 7) !== calendar.text(day).slice(0, 7);
    };
    const quiet = random.next() * 0.1;
    domain.service(domain.unused('ses', 'postmark', 'mailgun', 'sendgrid'), {
      mean: domain.volume * site.between(0.2, 2),
      aligned: 'dkim',
      active: (day) => (isLast(day) ? 1 : quiet),
      k: 20,
    });
    for (let day = 0; day < site.days; day++) if (isLast(day)) site.trap('payday', domain.name, day, day);
  },
};
