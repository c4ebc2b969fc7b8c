import type { Family } from './family.ts';

/** A service that SPF alone aligns falls out of the record. */
export const spfOnlyBroken: Family = {
  name: 'spf-only-broken',
  group: 'reported',
  benign: false,
  source: 'RFC 7208 section 10.1; RFC 9989 (p=reject must not rest on SPF alone)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ aspf: 'r' });
    const name = random.pick(['postmark', 'sendgrid', 'mailgun'] as const);
    const flow = domain.service(name, { mean: Math.max(8, domain.volume * site.between(0.03, 0.5)), aligned: 'spf' });
    const from = site.day(14);
    const to = Math.min(site.days - 1, from + random.int(5, 40));
    const result = random.pick(['fail', 'softfail', 'permerror']);
    domain.expect(
      { what: 'broken', from, to },
      { breaks: [domain.breaks(flow, { from, to, share: 1, mechanism: 'spf', result })] },
    );
  },
};
