import type { Family } from './family.ts';

/** Somebody publishes adkim=s, and a service that signs for a subdomain falls out of alignment. */
export const alignmentTurnedStrict: Family = {
  name: 'alignment-turned-strict',
  group: 'reported',
  benign: false,
  source: 'RFC 9989 section 4.4 (strict DKIM alignment)',
  plant(site) {
    const domain = site.domain({ aspf: 's' });
    const below = `mail.${domain.name}`;
    const addresses = domain.networks('sendgrid', 2);
    const signed = (from: number, to: number) =>
      domain.mail('signed below', {
        mean: Math.max(8, domain.volume * 0.25),
        from,
        to,
        addresses,
        envelope: 'sendgrid.net',
        dkim: [domain.own('s1', below)],
        what: 'service_both',
      });
    const from = site.day(14);
    const to = site.days - 1;
    signed(0, from - 1);
    const flow = signed(from, to);
    flow.truth = 'misaligned';
    domain.publishes({ adkim: 's' }, from);
    domain.expect({ what: 'policy_weakened', from, to, optional: true });
    domain.expect({ what: 'broken', from, to }, { flows: [flow] });
  },
};
