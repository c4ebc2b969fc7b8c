import type { Family } from '../family.ts';

/**
 * The record that a service needs for our return path cannot be read for a day or two now and then, and the
 * service sends with its own return path meanwhile, as it is documented to do. SPF passes for the service
 * then, unaligned; the key is ours all the time, and nothing ever fails DMARC.
 */
export const returnPathFallsBack: Family = {
  name: 'return-path-falls-back',
  group: 'reported',
  benign: true,
  source: 'https://docs.aws.amazon.com/ses/latest/dg/mail-from.html (UseDefaultValue on MX failure)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(100, 15_000) });
    const part = 0.3 + 0.5 * random.next();
    domain.senders.push(domain.ownServers({ mean: domain.volume * (1 - part) }));
    const mean = domain.volume * part;
    const ses = domain.service('ses', { mean, aligned: 'both', double: true });
    domain.senders.push(ses);
    domain.forwarder({ mean: Math.max(0.3, domain.volume * 0.004) });
    const first = site.day(25);
    const shares = new Map<number, number>();
    let day = first;
    for (let i = random.int(2, 5); i > 0 && day < site.days - 1; i--) {
      for (let n = random.int(1, 3); n > 0; n--) shares.set(day++, random.chance(0.5) ? 1 : 0.1 + 0.8 * random.next());
      day += random.int(2, 8);
    }
    ses.active = (on) => 1 - (shares.get(on) ?? 0);
    domain.mail('ses', {
      mean,
      addresses: ses.addresses,
      envelope: 'eu-west-1.amazonses.com',
      dkim: ses.dkim,
      active: (on) => shares.get(on) ?? 0,
    });
    site.trap('the return path falls back to the service now and then', domain.name, first, day);
  },
};
