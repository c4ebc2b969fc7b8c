import { provider } from '../internet/providers.ts';
import type { Family } from './family.ts';

/**
 * One signed mail is sent again and again by many machines, a few hundred copies a day from each network or a
 * handful, while the domain's own mail goes on: the twin of `stolen-key` that is spread thin.
 */
export const replayedMail: Family = {
  name: 'replayed-mail',
  group: 'tuning',
  benign: false,
  source: 'RFC 6376 section 8.6 (replay); https://datatracker.ietf.org/doc/draft-chuang-dkim-replay-problem/',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false });
    const selector = random.pick(['mail', 'default', 's1']);
    const main = domain.ownServers({ mean: domain.volume * 0.7, selector });
    domain.senders.push(main);
    const second = domain.service('mailjet', { mean: domain.volume * 0.3, aligned: 'dkim' });
    const count = random.int(1, 3);
    for (let i = 0; i < count; i++) domain.forwarder({ mean: Math.max(0.3, domain.volume * 0.01) });
    const from = site.day(10);
    const to = from + random.int(1, 7);
    const networks = random.int(5, 120);
    const of = provider(random.pick(['digitalocean', 'ec2', 'hetzner', 'ovh'] as const));
    const addresses = Array.from({ length: networks }, () => site.internet.network(of, random.int(1, 3), random)).flat();
    const form = random.pick(['own', 'host', 'null'] as const);
    const flow = domain.mail('replayed', {
      mean: site.between(Math.max(100, 0.3 * domain.volume), Math.max(400, 4 * domain.volume)),
      from,
      to,
      addresses,
      envelope: form === 'host' ? `out-${random.hex(4)}.example` : domain.name,
      spf: form === 'host' ? 'pass' : random.pick(['fail', 'softfail', 'none']),
      dkim: random.pick([main, second]).dkim.filter((one) => one.domain === domain.name),
      truth: null,
      what: 'incident',
      weekend: 1,
      k: 3,
    });
    domain.expect({ what: 'stolen_key', from, to, least: 'medium', says: [/key|selector|signature/i] }, { flows: [flow] });
  },
};
