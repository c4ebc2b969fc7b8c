import type { Family } from './family.ts';

/**
 * Receivers behind a filter that changes the body report on what the filter hands them: our mail from its
 * addresses.
 */
export const recipientGateway: Family = {
  name: 'recipient-gateway',
  group: 'tuning',
  benign: true,
  source:
    'RFC 7960 section 3.2.5 (boundary filters); https://learn.microsoft.com/defender-office-365/use-arc-exceptions-to-mark-trusted-arc-senders',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const author = domain.senders[0]?.dkim[0] ?? domain.own('mail');
    const count = random.int(1, 3);
    for (let i = 0; i < count; i++) {
      domain.mail('filter', {
        mean: site.between(0.2, Math.max(2, domain.volume * 0.01)),
        from: random.chance(0.5) ? 0 : site.day(15),
        addresses: domain.networks(random.pick(['mimecast', 'proofpoint'] as const), 1),
        spf: 'fail',
        dkim: [{ ...author, result: random.chance(0.5) ? 'fail' : 'pass' }],
        truth: 'forwarded',
        what: 'forwarder',
        k: 3,
      });
    }
  },
};
