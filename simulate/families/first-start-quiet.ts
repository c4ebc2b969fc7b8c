import type { Family } from './family.ts';

/** The program is first started with months of history in the mailbox, in which things began and ended. */
export const firstStartQuiet: Family = {
  name: 'first-start-quiet',
  group: 'reported',
  benign: true,
  source: 'https://github.com/domainaware/parsedmarc (first import of old mailboxes); RFC 9990',
  days: [150, 240],
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(40, 2_000), p: 'none' });
    const over = site.days - 60;
    // An old campaign of forged mail, an old service, a server that is gone.
    const spoof = random.int(5, over - 10);
    domain.forged({
      mean: site.between(5, 300),
      addresses: site.internet.strangers(random.int(1, 60), random),
      from: spoof,
      to: spoof + random.int(1, 9),
    });
    domain.service('mailjet', {
      mean: domain.volume * 0.2,
      aligned: random.pick(['none', 'dkim'] as const),
      to: random.int(10, over),
    });
    const moved = random.int(20, over);
    domain.service('sendgrid', { mean: domain.volume * 0.2, aligned: 'dkim', from: moved });
    site.startAt(site.days - 6);
  },
};
