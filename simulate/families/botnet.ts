import type { Family } from './family.ts';

/** A botnet of a thousand to ten thousand networks forges the domain; p=none, so all of it is delivered. */
export const botnet: Family = {
  name: 'botnet',
  group: 'tuning',
  benign: false,
  source:
    'M3AAWG Email Authentication Recommended Best Practices (2020), on p=none; https://www.spamhaus.org/resource-hub (botnet spam)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ p: 'none', sp: null });
    const from = site.day(12);
    const to = from + random.int(1, 9);
    const addresses = site.internet.strangers(Math.round(site.between(1_000, 10_000)), random);
    const mean = site.between(300, 3_000);
    const flow = domain.forged({ mean, addresses, from, to });
    domain.expect(
      { what: 'botnet', from, to, least: 'critical', says: [/([\d,]+) of [\d,]+\s+messages\s+\(\S+\):\s+\1\s+delivered/] },
      { flows: [flow] },
    );
  },
};
