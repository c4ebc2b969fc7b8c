import type { Family } from '../family.ts';

/**
 * A new key is in use on all mail servers but one when the old one is taken out of DNS: what that server
 * signs fails, while SPF still passes and hides it.
 */
export const rotationTooEarly: Family = {
  name: 'rotation-too-early',
  group: 'tuning',
  benign: false,
  source:
    'M3AAWG DKIM Key Rotation Best Common Practices; RFC 6376 section 6.1.2; https://www.anonymousserverhosting.com/blog/2023-05-08-dkim-key-rotation-operational-sequence/',
  plant(site) {
    const { random } = site;
    const volume = site.between(150, 20_000);
    const domain = site.domain({ usual: false, volume });
    const removed = site.day(15, 40);
    const switched = removed - random.int(1, 10);
    const fixed = random.chance(0.5) ? site.days - 1 : Math.min(site.days - 1, removed + random.int(3, 20));
    const [old, next] = random.pick([
      ['dk2024', 'dk2025'],
      ['mail1', 'mail2'],
      ['202501', '202507'],
      ['rsa-a', 'rsa-b'],
    ] as const);
    const hosts = domain.hosts(random.pick(['hetzner', 'digitalocean', 'office'] as const), random.int(2, 5));
    const part = site.between(Math.max(0.03, 4 / volume), 0.6);
    const mean = 0.8 * volume * (1 - part);
    const front = hosts.slice(0, -1);
    domain.senders.push(domain.ownServers({ mean, addresses: front, selector: old, to: switched - 1 }));
    domain.ownServers({ mean, addresses: front, selector: next, from: switched });
    const behind = domain.ownServers({ mean: 0.8 * volume * part, addresses: hosts.slice(-1), selector: old });
    domain.service(domain.unused('brevo', 'postmark', 'mailjet', 'ses'), { mean: 0.2 * volume, aligned: 'dkim' });
    const passedOn = site.between(0.3, Math.max(1, 0.01 * volume));
    const before = domain.forwarder({ mean: passedOn, dkim: [domain.own(old)], to: switched - 1 });
    const { addresses, envelope_from, spf, reporters } = before;
    const after = domain.forwarder({ mean: passedOn, addresses, dkim: [domain.own(next)], from: switched });
    // The same forwarder as before, whichever key it passes on.
    Object.assign(after, { envelope_from, spf: { ...spf }, reporters });
    const broken = domain.breaks(behind, {
      from: removed,
      to: fixed,
      // Resolvers and caches keep the old key for some recipients.
      share: 0.85 + 0.15 * random.next(),
      mechanism: 'dkim',
      result: random.pick(['fail', 'permerror', 'neutral']),
    });
    const says = [/DKIM/, new RegExp(`\\b${old}\\b`)];
    domain.expect({ what: 'broken', from: removed, to: fixed, least: 'low', most: 'high', says }, { breaks: [broken] });
  },
};
