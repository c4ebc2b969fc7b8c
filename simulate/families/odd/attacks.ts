import { provider } from '../../internet/providers.ts';
import type { Family } from '../family.ts';

/** Twenty thousand infected machines, a message or two from each. */
export const hugeBotnet: Family = {
  name: 'huge-botnet',
  group: 'tuning',
  benign: false,
  source: 'https://www.m3aawg.org/sites/default/files/m3aawg-bots-mitigation-bp-2009-07.pdf',
  plant(site) {
    const { random } = site;
    const p = random.pick(['none', 'none', 'quarantine', 'reject'] as const);
    const domain = site.domain({ volume: site.between(60, 20_000), p });
    const from = site.day(8);
    const to = from + random.int(1, 6);
    const addresses = site.internet.strangers(20_000, random);
    const flow = domain.forged({ mean: site.between(4000, 20_000), addresses, from, to });
    const least = p === 'none' ? 'critical' : 'medium';
    domain.expect({ what: 'botnet', from, to, least }, { flows: [flow] });
  },
};

/** Forged mail that grows by a tenth a day, so that no day stands out against the one before. */
export const slowRamp: Family = {
  name: 'slow-ramp',
  group: 'tuning',
  benign: false,
  source: 'https://www.m3aawg.org/sites/default/files/m3aawg-email-authentication-recommended-best-practices-09-2020.pdf',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 20_000), p: random.pick(['none', 'quarantine']) });
    const from = site.day(30, 30);
    const rate = 1.06 + 0.1 * random.next();
    const few = random.chance(0.5);
    const addresses = few ? site.internet.network(provider('digitalocean'), 4, random) : site.internet.strangers(400, random);
    const flow = domain.forged({ mean: 1, addresses, from, active: (day) => Math.min(300, rate ** (day - from)) });
    domain.expect({ what: 'forged', from, to: site.days - 1 }, { flows: [flow] });
  },
};

/**
 * Thieves use one mailbox by night: two to four times the mail of a day, signed, from a handful of the
 * provider's networks.
 */
export const nightAccount: Family = {
  name: 'night-account',
  group: 'tuning',
  benign: false,
  source: 'https://learn.microsoft.com/defender-office-365/responding-to-a-compromised-email-account',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(60, 3000) });
    const name = random.pick(['microsoft365', 'google'] as const);
    const main = domain.service(name, { mean: domain.volume * 0.8, aligned: 'both', networks: 4 });
    domain.senders.push(main);
    domain.service('mailchimp', { mean: domain.volume * 0.2, aligned: 'dkim' });
    const from = site.day(8);
    const to = from + random.int(0, 3);
    const flow = domain.mail(name, {
      mean: Math.max(400, domain.volume * (4 + 8 * random.next())),
      addresses: random.chance(0.5) ? main.addresses : domain.networks(name, 3),
      envelope: main.envelope_from,
      dkim: main.dkim,
      from,
      to,
      truth: null,
      what: 'incident',
      weekend: 1,
      k: 3,
    });
    domain.expect({ what: 'takeover', from, to, least: 'medium' }, { flows: [flow] });
  },
};

/** A subdomain that sends by a service is forged beside it, by few rented machines. */
export const newsForged: Family = {
  name: 'news-forged',
  group: 'tuning',
  benign: false,
  source: 'RFC 9989 section 4.7 (policy of subdomains)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 10_000), sp: random.pick(['none', null, 'quarantine']) });
    const author = `news.${domain.name}`;
    domain.mail('mailchimp', {
      mean: domain.volume * 0.2,
      addresses: domain.networks('mailchimp', 2),
      author,
      envelope: `bounce.${author}`,
      dkim: [{ domain: author, selector: 'k1', result: 'pass' }],
    });
    const from = site.day(10);
    const to = from + random.int(1, 8);
    const addresses = Array.from({ length: random.int(1, 5) }, () => site.internet.network(provider('ovh'), 2, random)).flat();
    const flow = domain.forged({ mean: site.between(15, 400), addresses, author, from, to });
    domain.expect({ what: 'forged_subdomain', from, to }, { flows: [flow] });
  },
};

/**
 * Others' forged mail comes back as bounces to us, and the forging itself shows: unauthenticated, from very
 * many, refused.
 */
export const backscatter: Family = {
  name: 'backscatter',
  group: 'tuning',
  benign: false,
  source: 'RFC 5321 section 6.1; RFC 7960 section 3.1',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(60, 8000), p: 'reject' });
    domain.senders.push(domain.ownServers({ mean: domain.volume * 0.7 }));
    domain.service('mailjet', { mean: domain.volume * 0.3, aligned: 'dkim' });
    const from = site.day(8);
    const to = from + random.int(1, 5);
    const flow = domain.forged({ mean: site.between(120, 3000), addresses: site.internet.strangers(1500, random), from, to });
    // Own servers answer the bounces with automatic replies: null sender, HELO name, unsigned.
    const [main] = domain.senders;
    domain.mail('replies', {
      mean: 10,
      addresses: main!.addresses.slice(0, 1),
      envelope: `mail.${domain.name}`,
      from,
      to,
      truth: null,
    });
    domain.expect({ what: 'botnet', from, to, most: 'medium' }, { flows: [flow] });
  },
};
