import type { Family } from './family.ts';

/** A botnet forges a domain whose policy is quarantine or reject: nothing of it is delivered. */
export const botnetRefused: Family = {
  name: 'botnet-refused',
  group: 'reported',
  benign: false,
  source: 'RFC 9989; https://www.spamhaus.org/resource-hub',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ p: random.pick(['quarantine', 'reject']), sp: null });
    const from = site.day(10);
    const to = from + random.int(1, 7);
    const addresses = site.internet.strangers(Math.round(site.between(300, 5_000)), random);
    const flow = domain.forged({ mean: site.between(100, 3_000), addresses, from, to });
    domain.expect(
      { what: 'botnet', from, to, most: 'high', never: [/lets them|100 % (?:was |were )?delivered/] },
      { flows: [flow] },
    );
  },
};
