import { provider } from '../../internet/providers.ts';
import type { Family } from '../family.ts';
import { few, MONTHS } from './shared.ts';

/** SendGrid is left for Mailgun, group by group, over weeks; a domain beside it keeps SendGrid. */
export const sendgridToMailgun: Family = {
  name: 'sendgrid-to-mailgun',
  group: 'reported',
  benign: true,
  source: 'https://documentation.mailgun.com/docs/mailgun/user-manual/domains/domains-verify; M3AAWG Sender BCP 3.0 (warm-up)',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(100, 6000) }), random.int(2, 5));
    const begin = site.day(20);
    const weeks = random.int(3, 40);
    const moved = (day: number) => Math.min(1, Math.max(0, (day - begin + 1) / weeks));
    const main = domain.service('microsoft365', { mean: domain.volume * 0.3, aligned: 'both' });
    domain.senders.push(main);
    const mean = domain.volume * 0.7;
    domain.service('sendgrid', { mean, aligned: 'both', networks: random.int(1, 3), active: (day) => 1 - moved(day) });
    // The pool of the shared plan is given out anew as the account grows.
    const parts = random.int(1, 6);
    const selector = random.pick(provider('mailgun').selectors);
    for (let part = 0; part < parts; part++) {
      const from = begin + Math.round((part * weeks) / parts);
      domain.service('mailgun', { mean: mean / parts, aligned: 'both', networks: 1, from, selector, active: moved });
    }
    few(site.domain({ volume: site.between(40, 1000) }), 3);
    site.trap('migration', domain.name, begin, begin + weeks);
  },
};

/**
 * The provider of the own servers gives another IPv6 prefix; a fortnight later the selector is rotated as
 * well.
 */
export const prefixThenKey: Family = {
  name: 'prefix-then-key',
  group: 'reported',
  benign: true,
  source: 'RFC 8978 (renumbering of prefixes); M3AAWG DKIM Key Rotation Best Common Practices (2019)',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(30, 5000) }), random.int(2, 6));
    const day = site.day(30, 30);
    const rotation = day + random.int(7, 18);
    const before = domain.hosts('hetzner', 2, 6);
    const after = domain.hosts('hetzner', 2, 6);
    const v4 = domain.hosts('hetzner', 1);
    const shared = { mean: domain.volume * 0.5 };
    domain.senders.push(domain.ownServers({ ...shared, addresses: before, selector: 'x2025', to: day - 1 }));
    domain.ownServers({ ...shared, addresses: after, selector: 'x2025', from: day, to: rotation - 1 });
    domain.ownServers({ ...shared, addresses: after, selector: 'x2026', from: rotation });
    domain.ownServers({ mean: domain.volume * 0.3, addresses: v4, selector: 'x2025', to: rotation - 1 });
    domain.ownServers({ mean: domain.volume * 0.3, addresses: v4, selector: 'x2026', from: rotation });
    if (random.chance(0.5)) domain.forwarder({ mean: 1, srs: null });
    site.trap('prefix, key', domain.name, day, rotation + 3);
  },
};

/**
 * Staff join a list, then another, that keep From: members sit at other receivers than the mail of the firm.
 */
export const listsJoined: Family = {
  name: 'lists-joined',
  group: 'reported',
  benign: true,
  source: 'RFC 7960 section 4.1.3; RFC 9989 section 7.4',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const p = random.pick(['none', 'quarantine', 'reject'] as const);
    const domain = few(site.domain({ volume: site.between(30, 3000), p }), random.int(2, 6));
    for (let i = 0; i < random.int(1, 3); i++) {
      const from = site.day(20);
      const host = `${random.pick(['lists', 'mailman', 'sympa', 'l'])}.${random.pick(['pilots', 'botany', 'radio'])}-${random.hex(2)}.example`;
      const list = domain.list({ mean: site.between(1, 60), from, host });
      list.reporters = new Map([[domain.reporter(random.int(0, 1)), 5]]);
      // A thread is busy for a week and then silent.
      if (random.chance(0.5)) list.active = (day) => (day < from ? 0 : (day - from) % 19 < 6 ? 3 : 0.1);
    }
  },
};

/**
 * A bulletin to graduates: their addresses for life pass it on, some with a tag in the subject that breaks
 * the signature.
 */
export const graduates: Family = {
  name: 'graduates',
  group: 'tuning',
  benign: true,
  source: 'RFC 7960 section 4.1.1 (alias forwarding); https://www.rfc-editor.org/rfc/rfc9989 section 7.4',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ volume: site.between(60, 4000) }), random.int(3, 7));
    const begin = site.day(30, 20);
    const every = random.int(5, 14);
    const bulletin = (day: number) => (day >= begin && (day - begin) % every === 0 ? 1 : 0);
    const name = domain.unused('mailchimp', 'brevo', 'mailjet', 'hubspot');
    const mean = domain.volume * site.between(0.5, 3);
    const sender = domain.service(name, { mean, aligned: 'dkim', active: (day) => ((day - begin + 900) % every === 0 ? 1 : 0) });
    for (let i = 0; i < random.int(2, 8); i++) {
      const one = domain.forwarder({ mean: site.between(2, 40), dkim: sender.dkim, active: bulletin, weekend: 1 });
      if (random.chance(0.3))
        domain.breaks(one, { from: 0, to: site.days, share: random.pick([0.1, 0.5, 1]), mechanism: 'dkim' });
    }
    site.trap('bulletin to graduates', domain.name, begin, site.days);
  },
};

/**
 * Four shops, each with one to five mails a day, a letter a month, and reports that come when there was mail.
 */
export const fiveADay: Family = {
  name: 'five-a-day',
  group: 'tuning',
  benign: true,
  source: 'RFC 9990 section 2 (a report only where there was mail); https://github.com/domainaware/parsedmarc/discussions',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    for (let i = 0; i < 4; i++) {
      const volume = site.between(1, 5);
      const domain = few(site.domain({ usual: false, volume }), random.int(1, 4));
      const host = random.pick(['microsoft365', 'google', 'kundenserver', 'kasserver'] as const);
      domain.senders.push(domain.service(host, { mean: volume, aligned: 'both', networks: random.int(1, 4), weekend: 0.2 }));
      const first = random.int(0, 40);
      const letter = random.pick(['mailchimp', 'brevo'] as const);
      const flow = domain.service(letter, {
        mean: site.between(15, 200),
        aligned: 'dkim',
        active: (d) => (d >= first && (d - first) % 30 === 0 ? 1 : 0),
        weekend: 1,
      });
      // The first letter of a service with a key of its own may be asked about, once.
      domain.expect({ what: 'new_sender', from: first, to: first + 35, optional: true, most: 'low' }, { flows: [flow] });
      if (random.chance(0.5)) domain.forwarder({ mean: 0.2 });
    }
  },
};

/**
 * Two firms are bought: their domains are reported on from some day on, and their staff write from our tenant
 * then.
 */
export const twoBought: Family = {
  name: 'two-bought',
  group: 'reported',
  benign: true,
  source: 'https://learn.microsoft.com/microsoft-365/enterprise/microsoft-365-tenant-to-tenant-migrations',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const ours = few(site.domain({ usual: false, volume: site.between(100, 5000) }), 5);
    const main = ours.service('microsoft365', { mean: ours.volume, aligned: 'both', networks: 4, growth: random.next() * 0.01 });
    ours.senders.push(main);
    for (let i = 0; i < 2; i++) {
      const bought = few(site.domain({ usual: false, volume: site.between(20, 1500) }), random.int(2, 5));
      const begin = random.int(10, 40);
      const move = begin + random.int(15, 40);
      const old = bought.ownServers({ mean: bought.volume, from: begin, active: (d) => (d < move ? 1 : d < move + 4 ? 0.3 : 0) });
      bought.senders.push(old);
      bought.service('microsoft365', { mean: bought.volume, aligned: 'both', from: move, addresses: main.addresses });
      bought.domain.flows[0]!.active = (d) => (d >= begin ? 1 : 0);
      // Until then nobody asked for reports on it.
      bought.silent('all', 0, begin - 1);
      site.trap('bought, moved to our tenant', bought.name, move, move + 10);
    }
  },
};

/**
 * One reporter changes its name, another reports under two names from then on; small domains see little else.
 */
export const namesChange: Family = {
  name: 'names-change',
  group: 'reported',
  benign: true,
  source: 'https://www.uriports.com/blog/dmarc-reports-ietf-rfc-compliance; Google LLC in later reports',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    for (let i = 0; i < 3; i++) few(site.domain({ volume: site.between(15, 3000) }), random.int(1, 4));
    const from = site.day(25);
    const reporter = site.reporter(random.pick(['google.com', 'Yahoo']));
    const { dialect } = reporter;
    const name = dialect.org_name === 'Yahoo' ? 'Yahoo! Inc.' : 'Google LLC';
    const own = `<org_name>${dialect.org_name}</org_name>`;
    reporter.renamed = {
      from,
      dialect: { ...dialect, org_name: name, xml: (report) => dialect.xml(report).replace(own, `<org_name>${name}</org_name>`) },
    };
    site.trap(`${dialect.org_name} writes as ${name}`, '*', from, from + 10);
  },
};
