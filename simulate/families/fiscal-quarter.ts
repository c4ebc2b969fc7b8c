import { Calendar } from '../calendar.ts';
import type { Family } from './family.ts';

/** Statements on the last working days of a quarter of a fiscal year, which ends in any month. */
export const fiscalQuarter: Family = {
  name: 'fiscal-quarter',
  group: 'tuning',
  benign: true,
  source:
    'https://www.irs.gov/businesses/small-businesses-self-employed/tax-years (fiscal years end in any month); M3AAWG Sender Best Common Practices 3.0 (volume)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(60, 10_000) });
    const own = random.chance(0.5);
    const mean = domain.volume * 0.7;
    const main = own ? domain.ownServers({ mean }) : domain.service('ses', { mean, aligned: 'dkim' });
    domain.senders.push(main);
    domain.service('zendesk', { mean: domain.volume * 0.3, aligned: 'dkim' });
    const calendar = new Calendar(site.days);
    const end = random.int(0, 2);
    const factor = site.between(4, 22);
    const before = random.int(0, 1);
    const monthOf = (day: number) => Number(calendar.text(day).slice(5, 7));
    const isEnd = (day: number) => {
      if (monthOf(day) % 3 !== end || calendar.isWeekend(day)) return false;
      let left = 0;
      for (let next = day + 1; monthOf(next) === monthOf(day); next++) if (!calendar.isWeekend(next)) left++;
      return left <= before;
    };
    main.active = (day) => (isEnd(day) ? factor : 1);
    for (let day = 0; day < site.days; day++) if (isEnd(day)) site.trap('end of a fiscal quarter', domain.name, day, day);
  },
};
