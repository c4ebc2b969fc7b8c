import { Calendar } from '../calendar.ts';
import type { Family } from './family.ts';

/**
 * One account of a tenant writes to thousands on a Sunday, from networks of the service that the domain never
 * saw.
 */
export const sundayTakeover: Family = {
  name: 'sunday-takeover',
  group: 'tuning',
  benign: false,
  source: 'https://learn.microsoft.com/defender-office-365/responding-to-a-compromised-email-account',
  plant(site) {
    const { random } = site;
    const volume = site.between(10, 2_000);
    const domain = site.domain({ usual: false, volume });
    const name = random.pick(['microsoft365', 'google'] as const);
    const main = domain.service(name, { mean: volume, aligned: 'both', networks: 3, weekend: 0.02 });
    domain.senders.push(main);
    const calendar = new Calendar(site.days);
    let from = site.day(8);
    while (new Date(calendar.midnight(from) * 1000).getUTCDay() !== 0) from--;
    const flow = domain.mail(`${name} taken over`, {
      mean: site.between(200, 3_000),
      addresses: domain.networks(name, random.int(3, 11)),
      dkim: main.dkim,
      from,
      to: from,
      weekend: 1,
      k: 20,
    });
    domain.expect({ what: 'takeover', from, to: from, least: 'medium', says: [/account/i, /sign-in|login/i] }, { flows: [flow] });
  },
};
