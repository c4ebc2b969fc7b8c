import type { Family } from './family.ts';

/**
 * Invitations that recipients pass on: their tenant sends them in our name, unsigned or with a broken
 * signature.
 */
export const calendarInvites: Family = {
  name: 'calendar-invites',
  group: 'reported',
  benign: true,
  source: 'RFC 7960 section 3.2.2 (ReSenders)',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const author = domain.senders[0]?.dkim[0] ?? domain.own('mail');
    const count = random.int(1, 5);
    for (let i = 0; i < count; i++) {
      domain.mail('invitations', {
        mean: site.between(0.1, 2),
        from: random.int(0, site.days - 15),
        addresses: domain.networks(random.pick(['microsoft365', 'google'] as const), 1),
        envelope: `tenant${random.hex(4)}.example`,
        dkim: random.chance(0.5) ? [] : [{ ...author, result: 'fail' }],
        truth: 'forwarded',
        what: 'forwarder',
        k: 2,
      });
    }
  },
};
