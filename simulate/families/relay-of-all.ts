import type { Family } from './family.ts';

/**
 * An alumni office, a club or a filter before mailboxes begins to pass on whatever its members get: mail of
 * all senders of the domain, with the signature of each, at any share of the mail.
 */
export const relayOfAll: Family = {
  name: 'relay-of-all',
  group: 'tuning',
  benign: true,
  source: 'RFC 7960 section 3.2.1 (aliases, alumni forwarding) and 3.2.5 (filters)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(200, 20_000) });
    const addresses = domain.networks(random.pick(['hetzner', 'digitalocean', 'ec2']), 1);
    const srs = random.chance(0.5) ? `members.alumni-${random.hex(3)}.example` : null;
    const share = site.between(0.005, 0.6);
    const mean = (domain.volume * share) / (1 - share);
    const from = site.day(20) + random.int(0, 9);
    const sent = domain.senders.reduce((n, sender) => n + sender.mean, 0);
    for (const sender of domain.senders) {
      const part = (sender.mean / sent) * (0.6 + 0.8 * random.next());
      const flow = domain.forwarder({
        mean: mean * part,
        addresses,
        srs,
        from,
        dkim: sender.dkim.slice(0, 1),
        weekend: sender.weekend,
      });
      flow.reporters = new Map();
    }
    site.trap('relay of all senders', domain.name, from, site.days - 1);
  },
};
