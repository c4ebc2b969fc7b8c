import { PROVIDERS, provider } from '../../internet/providers.ts';
import type { Family } from '../family.ts';

/** Teams move their mail to another service in steps, so that its addresses earn a name; both are set up. */
export const warmupMigration: Family = {
  name: 'warmup-migration',
  group: 'tuning',
  benign: true,
  source: 'https://www.twilio.com/docs/sendgrid/ui/sending-email/warming-up-an-ip-address (30 days, doubled every few)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(80, 20_000) });
    domain.senders.push(domain.service('microsoft365', { mean: domain.volume * 0.5, aligned: 'both' }));
    const from = site.day(20);
    const length = random.int(14, 45);
    const part = (day: number) => (day < from ? 0 : Math.min(1, 0.01 ** (1 - (day - from) / length)));
    const mean = domain.volume * (0.2 + 0.6 * random.next());
    const [old, next] = random.shuffle(['sendgrid', 'mailgun', 'postmark', 'brevo', 'ses'] as const);
    const aligned = random.pick(['both', 'dkim'] as const);
    domain.service(old!, { mean, aligned: 'dkim', active: (day) => 1 - part(day) });
    domain.service(next!, { mean, aligned, active: part });
  },
};

/**
 * A merger: the domain moves from one tenant of the mailbox provider to another, over a weekend or in waves.
 */
export const tenantMoved: Family = {
  name: 'tenant-moved',
  group: 'tuning',
  benign: true,
  source: 'https://learn.microsoft.com/microsoft-365/enterprise/cross-tenant-mailbox-migration',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(60, 15_000) });
    const day = site.day(20);
    const common = { mean: domain.volume * 0.8, aligned: 'both' as const };
    const wave = random.pick([0, 0, 5, 14]);
    const part = (at: number) => (wave === 0 ? Number(at >= day) : Math.max(0, Math.min(1, (at - day) / wave)));
    const old = domain.service('microsoft365', { ...common, selector: 'selector1', active: (at) => 1 - part(at) });
    domain.senders.push(old);
    domain.service('microsoft365', { ...common, selector: 'selector2', active: part, networks: random.int(2, 6) });
    domain.service('mailjet', { mean: domain.volume * 0.2, aligned: 'dkim' });
    domain.forwarder({ mean: Math.max(0.3, domain.volume * 0.005), srs: null });
  },
};

/** A hoster moves all customers to other outgoing relays: another range, other names, the same include. */
export const hosterRelaysMoved: Family = {
  name: 'hoster-relays-moved',
  group: 'tuning',
  benign: true,
  source: 'https://www.ionos.com/help/domains/configuring-mail-servers-and-other-related-records (relays behind an include)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(20, 1500) });
    const day = site.day(15);
    const signs = random.chance(0.4);
    const dkim = signs ? [domain.own('s1-ionos')] : [];
    const [at, to] = random.pick([
      ['kundenserver', 'kasserver'],
      ['ovh', 'ovh'],
      ['kasserver', 'kasserver'],
    ] as const);
    const mean = domain.volume * 0.9;
    const old = domain.mail('relays', { mean, addresses: domain.networks(at, 1), dkim, to: day + random.int(0, 3) });
    domain.senders.push(old);
    const next = domain.mail('relays', {
      mean,
      addresses: domain.networks(at === to ? at : to, random.int(1, 3)),
      dkim,
      from: day,
    });
    // Nothing in reports tells the hoster's new relays from another hoster.
    domain.expect({ what: 'new_sender', from: day, to: site.days - 1, optional: true, most: 'medium' }, { flows: [next] });
  },
};

/**
 * Marketing sends from its own subdomain: all in bursts of a day or two, weeks apart, growing with the list.
 */
export const subdomainBursts: Family = {
  name: 'subdomain-bursts',
  group: 'tuning',
  benign: true,
  source: 'https://www.m3aawg.org/sites/default/files/m3aawg-senders-bcp-ver3-2015-02.pdf (separate streams by subdomain)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 10_000) });
    const author = `${random.pick(['news', 'mail', 'go', 'marketing'])}.${domain.name}`;
    const name = domain.unused('mailchimp', 'brevo', 'mailjet', 'hubspot');
    const every = random.int(5, 21);
    const first = random.int(0, 6);
    const size = domain.volume * site.between(0.5, 12);
    const active = (day: number) => (day >= first && (day - first) % every < random.int(1, 2) ? 0.6 + 0.02 * day : 0);
    const dkim = [{ domain: author, selector: random.pick(PROVIDERS[name].selectors), result: 'pass' }];
    const addresses = domain.networks(name, random.int(1, 3));
    domain.mail(name, { mean: size, active, addresses, author, envelope: `bounce.${author}`, dkim, weekend: 1, k: 4 });
  },
};

/**
 * A new country office with a server of its own, named below the domain, listed in SPF, with the same key or
 * one of its own.
 */
export const countryOffice: Family = {
  name: 'country-office',
  group: 'tuning',
  benign: true,
  source: 'RFC 7208 section 5.6 (ip4) and RFC 6376 section 3.1 (selectors by location)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(80, 10_000) });
    const selector = random.pick(['mail', 'hq', '2025']);
    domain.senders.push(domain.ownServers({ mean: domain.volume * 0.7, selector }));
    domain.service('zendesk', { mean: domain.volume * 0.2, aligned: 'dkim' });
    const from = site.day(20);
    const mean = domain.volume * site.between(0.02, 0.5);
    const own = random.chance(0.5) ? selector : random.pick(['pl', 'es', 'br1']);
    const addresses = domain.hosts(random.pick(['office', 'ovh', 'hetzner'] as const), random.int(1, 2));
    domain.ownServers({ mean, selector: own, addresses, from, active: (day) => Math.min(1, (day - from + 1) / 10) });
  },
};

/**
 * A domain that was parked for years sends from today: somebody made it a brand. Its owner may be alerted
 * once.
 */
export const parkedComesAlive: Family = {
  name: 'parked-comes-alive',
  group: 'tuning',
  benign: true,
  source: 'https://www.m3aawg.org/sites/default/files/m3aawg_parked_domains_bp-2015-12.pdf',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ parked: true });
    const from = site.day(20);
    const mean = site.between(5, 800);
    const name = random.pick(['microsoft365', 'google', 'brevo'] as const);
    const flows = [domain.service(name, { mean, aligned: 'both', from, active: (day) => Math.min(1, (day - from + 1) / 15) })];
    if (random.chance(0.5))
      flows.push(domain.service('mailgun', { mean: mean * 0.4, aligned: 'both', from: from + random.int(0, 8) }));
    domain.expect({ what: 'new_sender', from, to: site.days - 1, optional: true, most: 'medium' }, { flows });
  },
};

/** A colleague tries a CRM on a free plan: a dozen messages in a week, not set up, and never again. */
export const crmTrial: Family = {
  name: 'crm-trial',
  group: 'tuning',
  benign: true,
  source: 'https://knowledge.hubspot.com/marketing-email/manage-email-authentication-in-hubspot (sending before authentication)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(30, 5000) });
    const from = site.day(12);
    const name = domain.unused('hubspot', 'salesforce', 'zendesk', 'brevo');
    const days = random.int(2, 6);
    const aligned = random.pick(['none', 'dkim'] as const);
    domain.service(name, { mean: 12 / days, aligned, from, to: from + days - 1, networks: random.int(1, 3) });
  },
};

/**
 * Vendors change their customers' keys (CNAMEs to theirs) on a day of their choice; old and new sign side by
 * side for a time.
 */
export const vendorRollover: Family = {
  name: 'vendor-rollover',
  group: 'tuning',
  benign: true,
  source: 'https://www.twilio.com/docs/sendgrid/ui/account-and-settings/dkim-records (s1 and s2 by turns)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(60, 20_000) });
    const main = domain.service('google', { mean: domain.volume * 0.5, aligned: 'both' });
    domain.senders.push(main);
    for (const name of random.shuffle(['sendgrid', 'mailchimp', 'brevo', 'mailjet'] as const).slice(0, 2)) {
      const addresses = domain.networks(name, 2);
      const day = site.day(12);
      const both = random.int(0, 10);
      const part = (at: number) => (both === 0 ? Number(at >= day) : Math.max(0, Math.min(1, (at - day) / both)));
      const common = { mean: domain.volume * 0.2, aligned: 'dkim' as const, addresses };
      domain.service(name, { ...common, selector: 'old1', active: (at) => 1 - part(at) });
      domain.service(name, { ...common, selector: 'new2', active: part });
    }
    for (let i = 0; i < 3; i++) domain.forwarder({ mean: Math.max(0.3, domain.volume * 0.004) });
  },
};

/**
 * An application in the cloud has no address of its own: each day's mail leaves from other networks, signed
 * with its key.
 */
export const cloudEgress: Family = {
  name: 'cloud-egress',
  group: 'tuning',
  benign: true,
  source:
    'https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html; https://ip-ranges.amazonaws.com/ip-ranges.json',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(100, 10_000) });
    const mean = domain.volume * site.between(0.01, 0.5);
    const selector = random.pick(['app', 'api', 'notify']);
    const of = provider('ec2');
    const life = random.int(1, 6);
    for (let from = 0; from < site.days; from += life) {
      const addresses = Array.from({ length: random.int(1, 3) }, () => site.internet.network(of, 1, random)).flat();
      const mail = { mean, addresses, from, to: from + life - 1, dkim: [domain.own(selector)] };
      domain.mail('app', { ...mail, spf: 'softfail', envelope: domain.name });
    }
  },
};

/** Whole domains of very little and of very much mail; nothing happens in either. */
export const tinyAndHuge: Family = {
  name: 'tiny-and-huge',
  group: 'tuning',
  benign: true,
  source: 'RFC 7489 section 7.2 (reports of any volume)',
  plant(site) {
    const { random } = site;
    for (let i = 0; i < 3; i++) {
      const tiny = site.domain({ usual: false, volume: random.pick([0.4, 0.7, 1.5, 3]) });
      tiny.senders.push(
        tiny.service(random.pick(['google', 'microsoft365'] as const), { mean: tiny.volume, aligned: 'both', k: 1 }),
      );
    }
    site.domain({ volume: site.between(500_000, 3_000_000) });
  },
};

/** A new domain is put under watch on some day: all that it sends is new to whoever reads its reports. */
export const domainAdded: Family = {
  name: 'domain-added',
  group: 'tuning',
  benign: true,
  source: 'RFC 7489 appendix B.2.2 (publishing a record with rua)',
  plant(site) {
    const { random } = site;
    site.domain({ volume: site.between(60, 3000) });
    const later = site.domain({ usual: false, noise: false, volume: site.between(40, 5000) });
    const from = random.int(12, 40);
    later.senders.push(later.service('microsoft365', { mean: later.volume * 0.6, aligned: 'both', from }));
    later.service('sendgrid', { mean: later.volume * 0.3, aligned: 'both', from: from + random.int(0, 4) });
    later.ownServers({ mean: later.volume * 0.1, from: from + random.int(0, 6) });
    if (random.chance(0.5)) later.forwarder({ mean: Math.max(0.3, later.volume * 0.01), from });
  },
};

/** A company tests its people: a vendor sends some dozens of forged letters to own mailboxes, on purpose. */
export const phishingTest: Family = {
  name: 'phishing-test',
  group: 'tuning',
  benign: true,
  source: 'https://learn.microsoft.com/defender-office-365/advanced-delivery-policy-configure (third-party phishing simulation)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(100, 5000), p: random.pick(['none', 'quarantine', 'reject']) });
    const from = site.day(15);
    const addresses = site.internet.network(provider('ses'), 2, random);
    const mean = site.between(5, 60);
    const flow = domain.forged({ mean, addresses, from, to: from + random.int(0, 2), envelope: 'training.example', spf: 'pass' });
    domain.expect({ what: 'forged', from, to: from + 3, optional: true }, { flows: [flow] });
  },
};

/** Own servers stand in for each other: one is down for a weekend or a month, and then comes back. */
export const hostsTakeTurns: Family = {
  name: 'hosts-take-turns',
  group: 'tuning',
  benign: true,
  source: 'RFC 5321 section 5.1 (several hosts); http://www.postfix.org/MULTI_INSTANCE_README.html',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(60, 15_000) });
    const addresses = [domain.hosts('hetzner', 1), domain.hosts('ovh', 1), domain.hosts('office', 1)];
    const length = random.pick([2, 7, 30]);
    const selector = random.pick(['mail', 'default']);
    for (const [i, list] of addresses.entries())
      domain.senders.push(
        domain.ownServers({
          mean: domain.volume * 0.9,
          addresses: list,
          selector,
          active: (day) => (Math.floor(day / length) % 3 === i ? 0.94 : 0.03),
        }),
      );
    domain.service('mailjet', { mean: domain.volume * 0.1, aligned: 'dkim' });
  },
};

/**
 * People on the road send through the relay of a hotel or of their line: a message or two from anywhere,
 * unsigned.
 */
export const roadWarriors: Family = {
  name: 'road-warriors',
  group: 'tuning',
  benign: true,
  source: 'RFC 7960 section 3.1.2 (roaming users); RFC 6409',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(100, 8000) });
    const from = random.int(0, 40);
    const mean = site.between(0.3, Math.max(1.5, Math.min(6, domain.volume * 0.004)));
    const addresses = Array.from({ length: 60 }, () => site.internet.network(provider('office'), 1, random)).flat();
    domain.mail('road', { mean, addresses, from, spf: 'softfail', truth: null, k: 3 });
  },
};
