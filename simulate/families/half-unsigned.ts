import type { Family } from './family.ts';

/** Some of a service’s hosts lost the key: a third to two thirds of its mail fails. */
export const halfUnsigned: Family = {
  name: 'half-unsigned',
  group: 'tuning',
  benign: false,
  source: 'RFC 6377; M3AAWG DKIM Key Rotation Best Common Practices (2019)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(80, 20_000) });
    const name = random.pick(['mailchimp', 'ses', 'salesforce'] as const);
    const flow = domain.service(name, { mean: domain.volume * site.between(0.1, 0.6), aligned: 'dkim' });
    const from = site.day(14);
    const to = Math.min(site.days - 1, from + random.int(5, 30));
    const broken = domain.breaks(flow, { from, to, share: 0.3 + 0.4 * random.next(), mechanism: 'dkim' });
    domain.expect({ what: 'broken', from, to }, { breaks: [broken] });
  },
};
