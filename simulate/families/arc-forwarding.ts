import type { Family } from './family.ts';

/** Tenants of Microsoft 365 forward our mail with ARC: some with the signature broken by a banner. */
export const arcForwarding: Family = {
  name: 'arc-forwarding',
  group: 'tuning',
  benign: true,
  source: 'RFC 8617; https://learn.microsoft.com/defender-office-365/email-authentication-arc-configure',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const author = domain.senders[0]?.dkim[0] ?? domain.own('mail');
    const count = random.int(1, 4);
    for (let i = 0; i < count; i++) {
      const tenant = `tenant${random.hex(4)}.example`;
      domain.mail('arc', {
        mean: site.between(0.3, Math.max(2, domain.volume * 0.02)),
        from: random.chance(0.4) ? 0 : site.day(15),
        addresses: domain.networks('microsoft365', 1),
        // Microsoft rewrites the return path of what it forwards (SRS).
        envelope: tenant,
        dkim: [{ ...author, result: random.chance(0.6) ? 'pass' : 'fail' }],
        truth: 'forwarded',
        what: 'forwarder',
        k: 3,
      });
    }
  },
};
