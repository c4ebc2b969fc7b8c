import { provider } from '../../internet/providers.ts';
import type { Family } from '../family.ts';

/** The service takes other addresses and another return path into use on one day; the key stays. */
export const poolAndEnvelope: Family = {
  name: 'pool-and-envelope',
  group: 'tuning',
  benign: true,
  source: 'https://www.twilio.com/docs/sendgrid/ui/account-and-settings/how-to-set-up-domain-authentication (automated security)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 15_000) });
    const name = domain.unused('sendgrid', 'mailgun', 'postmark', 'sparkpost', 'ses');
    const mean = domain.volume * site.between(0.1, 0.8);
    const day = site.day(15);
    const overlap = random.int(0, 4);
    const old = domain.service(name, { mean, aligned: 'dkim', to: day + overlap, double: true });
    const next = domain.service(name, { mean, aligned: 'both', from: day, networks: random.int(1, 4) });
    next.dkim = old.dkim;
    if (random.chance(0.5)) {
      // Not the customer's return path but another of the service's.
      next.envelope_from = `bounce-${random.hex(3)}.${name}-mail.example`;
      next.spf = { domain: next.envelope_from, result: 'pass' };
    }
    site.trap('pool and envelope', domain.name, day, day + overlap);
  },
};

/**
 * The new selector is switched on before resolvers have its key: a day on which some or all of what it signs
 * fails.
 */
export const keyLateInDns: Family = {
  name: 'key-late-in-dns',
  group: 'tuning',
  benign: true,
  source: 'M3AAWG DKIM Key Rotation Best Common Practices (2019) section 5; RFC 2308 (negative caching)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(60, 15_000) });
    const day = site.day(15);
    const common = { mean: domain.volume * 0.7, addresses: domain.hosts('hetzner', 2) };
    domain.senders.push(domain.ownServers({ ...common, selector: 'k2025', to: day - 1 }));
    const next = domain.ownServers({ ...common, selector: 'k2026', from: day });
    domain.service('mailjet', { mean: domain.volume * 0.3, aligned: 'dkim' });
    const share = 0.2 + 0.8 * random.next();
    const result = random.pick(['permerror', 'temperror', 'fail', 'neutral']);
    const broken = domain.breaks(next, { from: day, to: day, share, mechanism: 'dkim', result });
    // It passes by SPF, and it is over: who likes may hear of it once, mildly.
    domain.expect({ what: 'broken', from: day, to: day + 1, optional: true, most: 'medium' }, { breaks: [broken] });
  },
};

/**
 * One of two name servers has the zone of last month: a part of what the new key signs fails, day after day.
 */
export const nameServerBehind: Family = {
  name: 'name-server-behind',
  group: 'tuning',
  benign: false,
  source: 'RFC 1912 section 2.8 and 4.2 (secondaries out of step); RFC 6376 section 6.1.2',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(100, 15_000) });
    const day = site.day(15);
    const to = Math.min(site.days - 1, day + random.int(5, 30));
    const common = { mean: domain.volume * 0.7, addresses: domain.hosts('hetzner', 2) };
    domain.senders.push(domain.ownServers({ ...common, selector: 'k2025', to: day - 1 }));
    const next = domain.ownServers({ ...common, selector: 'k2026', from: day });
    domain.service('mailjet', { mean: domain.volume * 0.3, aligned: 'dkim' });
    const share = 0.3 + 0.3 * random.next();
    const broken = domain.breaks(next, {
      from: day,
      to,
      share,
      mechanism: 'dkim',
      result: random.pick(['permerror', 'neutral']),
    });
    domain.expect({ what: 'broken', from: day, to, most: 'high', says: [/DKIM/, /\bk2026\b/] }, { breaks: [broken] });
  },
};

/**
 * A gateway put behind the tenant adds a footer: the tenant's signature breaks, the gateway is in SPF and
 * signs nothing.
 */
export const gatewayFooter: Family = {
  name: 'gateway-footer',
  group: 'tuning',
  benign: false,
  source: 'RFC 7960 section 3.2.5 (boundary filters); https://community.mimecast.com (DKIM and outbound disclaimers)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(100, 15_000) });
    const day = site.day(15);
    const mean = domain.volume * 0.8;
    const main = domain.service('microsoft365', { mean, aligned: 'both', selector: 'selector1', to: day - 1 });
    domain.senders.push(main);
    domain.service('hubspot', { mean: domain.volume * 0.2, aligned: 'dkim' });
    const behind = domain.mail('gateway', {
      mean,
      from: day,
      addresses: domain.networks(random.pick(['mimecast', 'proofpoint'] as const), random.int(1, 2)),
      dkim: [domain.own('selector1')],
    });
    const share = 0.5 + 0.5 * random.next();
    const broken = domain.breaks(behind, { from: day, to: site.days - 1, share, mechanism: 'dkim' });
    domain.expect({ what: 'broken', from: day, to: site.days - 1, most: 'high', says: [/DKIM/] }, { breaks: [broken] });
  },
};

/**
 * A list that kept the From of its authors rewrites it from some day on: what it passed on is not seen any
 * more.
 */
export const listStartsMunging: Family = {
  name: 'list-starts-munging',
  group: 'tuning',
  benign: true,
  source: 'RFC 7960 section 4.1.3.1; Mailman 2.1.18 (dmarc_moderation_action)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 5000), p: 'none' });
    const mean = site.between(2, Math.max(10, domain.volume * 0.1));
    const day = site.day(20);
    domain.list({ mean, to: day + random.int(0, 6) });
    if (random.chance(0.5)) domain.list({ mean: mean / 3 });
    // The policy is tightened with it, which is why the list changed.
    if (random.chance(0.6)) domain.publishes({ p: random.pick(['quarantine', 'reject']) }, day);
  },
};

/**
 * From none to reject on one day: forwarded and listed mail, and a partner never set up, are refused since.
 */
export const rejectOverNight: Family = {
  name: 'reject-over-night',
  group: 'tuning',
  benign: false,
  source: 'RFC 9989 section 8.3 (what a policy breaks); https://dmarc.org/2015/10 (p=reject at large providers)',
  plant(site) {
    const domain = site.domain({ volume: site.between(60, 10_000), p: 'none', sp: null });
    const day = site.day(15, 40);
    domain.publishes({ p: 'reject' }, day);
    domain.list({ mean: site.between(1, Math.max(3, domain.volume * 0.02)) });
    const name = domain.unused('brevo', 'mailjet', 'hubspot');
    const partner = domain.service(name, { mean: site.between(8, Math.max(20, domain.volume * 0.1)), aligned: 'none' });
    domain.expect({ what: 'unaligned', from: 0, to: site.days - 1 }, { flows: [partner] });
  },
};

/** An own new server begins before anybody thought of SPF and keys; after some days it is set up. */
export const serverBeforeDns: Family = {
  name: 'server-before-dns',
  group: 'tuning',
  benign: false,
  source: 'RFC 7208 section 10.1; https://www.postfix.org/BASIC_CONFIGURATION_README.html',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(60, 8000), p: random.pick(['none', 'quarantine']) });
    const selector = 'mail';
    domain.senders.push(domain.ownServers({ mean: domain.volume * 0.8, at: 'hetzner', hosts: 2, selector }));
    const addresses = domain.hosts(random.pick(['ovh', 'ec2', 'office'] as const), 1);
    const from = site.day(20);
    const to = from + random.int(3, 12);
    const mean = site.between(15, Math.max(40, domain.volume * 0.5));
    // Its HELO name is all that it has.
    const early = domain.mail('own server', { mean, addresses, from, to, spf: random.pick(['softfail', 'fail']), truth: null });
    domain.ownServers({ mean, addresses, selector, from: to + 1 });
    domain.expect({ what: 'outgrown_record', from, to, never: [/\bforg|stranger|spoof/i] }, { flows: [early] });
  },
};

/**
 * Marketing takes its mail from the domain to a subdomain of its own, with the same service, over a few
 * weeks.
 */
export const toSubdomain: Family = {
  name: 'to-subdomain',
  group: 'tuning',
  benign: true,
  source: 'https://www.m3aawg.org/sites/default/files/m3aawg-senders-bcp-ver3-2015-02.pdf (streams by subdomain)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(80, 15_000) });
    const name = domain.unused('mailchimp', 'brevo', 'sendgrid', 'sparkpost');
    const addresses = domain.networks(name, 2);
    const mean = domain.volume * site.between(0.2, 1);
    const from = site.day(25);
    const length = random.int(0, 20);
    const part = (day: number) => Math.max(0, Math.min(1, (day - from) / (length + 1)));
    domain.service(name, { mean, addresses, aligned: 'dkim', active: (day) => 1 - part(day) });
    const author = `${random.pick(['news', 'e', 'shop'])}.${domain.name}`;
    domain.mail(name, {
      mean,
      addresses,
      author,
      envelope: `bounce.${author}`,
      dkim: [{ domain: author, selector: 's1', result: 'pass' }],
      active: part,
    });
  },
};

/**
 * Printers and door phones of each office send through the office's line, which is in SPF; nothing signs
 * there.
 */
export const printersDirect: Family = {
  name: 'printers-direct',
  group: 'tuning',
  benign: true,
  source: 'https://learn.microsoft.com/exchange/mail-flow-best-practices/how-to-set-up-a-multifunction-device (direct send)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(40, 3000) });
    domain.senders.push(domain.service('microsoft365', { mean: domain.volume, aligned: 'both' }));
    const offices = random.int(2, 8);
    for (let i = 0; i < offices; i++) {
      domain.mail('printer', {
        mean: site.between(0.3, 12),
        addresses: site.internet.network(provider('office'), 1, random),
        from: random.chance(0.6) ? 0 : random.int(25, site.days - 10),
        weekend: 0.05,
        k: 3,
      });
    }
  },
};
