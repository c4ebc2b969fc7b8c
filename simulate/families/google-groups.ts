import type { Family } from './family.ts';

/**
 * Members of a Google group that keeps From: the footer breaks the signature, and Google signs for the group.
 */
export const googleGroups: Family = {
  name: 'google-groups',
  group: 'reported',
  benign: true,
  source: 'https://support.google.com/groups; RFC 7960 section 3.2.3.1; RFC 8617 (ARC)',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const day = random.chance(0.5) ? 0 : site.day(20);
    const author = domain.senders[0]?.dkim[0] ?? domain.own('mail');
    const breaks = random.chance(0.7);
    domain.mail('google group', {
      mean: site.between(0.5, Math.max(3, domain.volume * 0.05)),
      from: day,
      addresses: domain.networks('google', random.int(1, 3), random.chance(0.5) ? 6 : 4),
      envelope: 'googlegroups.com',
      dkim: [
        { ...author, result: breaks ? 'fail' : 'pass' },
        { domain: 'googlegroups.com', selector: '20230601', result: 'pass' },
      ],
      truth: 'forwarded',
      what: 'mailing_list',
      k: 3,
    });
    site.trap('Google group', domain.name, day, site.days - 1);
  },
};
