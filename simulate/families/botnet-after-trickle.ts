import type { Family } from './family.ts';

/**
 * Some forged messages a day for weeks, as every domain gets them; then a botnet a hundred times as large.
 */
export const botnetAfterTrickle: Family = {
  name: 'botnet-after-trickle',
  group: 'tuning',
  benign: false,
  source: 'https://www.m3aawg.org/sites/default/files/m3aawg-email-authentication-recommended-best-practices-09-2020.pdf',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ p: random.pick(['none', 'none', 'quarantine']), sp: null });
    const trickle = domain.forged({
      mean: site.between(3, 20),
      addresses: site.internet.strangers(random.int(10, 200), random),
      from: random.int(0, 25),
      k: 3,
    });
    const began = 30;
    // A trickle of single messages is nobody's news; told as one, it is not wrong.
    domain.expect({ what: 'forged', from: 0, to: site.days - 1, optional: true }, { flows: [trickle] });
    const from = site.day(10, began + 10);
    const to = from + random.int(1, 8);
    const mean = Math.max(300, trickle.mean * site.between(20, 200));
    const flow = domain.forged({ mean, addresses: site.internet.strangers(random.int(500, 4_000), random), from, to });
    const least = domain.domain.policy.p === 'none' ? 'critical' : 'medium';
    domain.expect({ what: 'botnet', from, to, least }, { flows: [flow] });
  },
};
