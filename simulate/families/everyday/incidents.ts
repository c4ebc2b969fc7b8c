import type { Family } from '../family.ts';
import { few, MONTHS } from '../months/shared.ts';

/** A forger rents machines in the cloud of the provider whose pool grows at the same time. */
export const forgerInTheCloud: Family = {
  name: 'forger-in-the-cloud',
  group: 'reported',
  benign: false,
  source: 'https://learn.microsoft.com/azure/virtual-network/troubleshoot-outbound-smtp-connectivity; RFC 7208 section 11.4',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(
      site.domain({ usual: false, volume: site.between(100, 8_000), p: random.pick(['none', 'quarantine']) }),
      5,
    );
    const selector = 'selector1';
    domain.senders.push(domain.service('microsoft365', { mean: domain.volume * 0.7, aligned: 'both', selector }));
    for (let from = 20; from < site.days - 3; from += random.int(5, 8)) {
      const addresses = domain.networks('microsoft365', 1);
      domain.service('microsoft365', { mean: domain.volume * 0.05, aligned: 'both', selector, addresses, from });
    }
    domain.service('sendgrid', { mean: domain.volume * 0.2, aligned: 'dkim' });
    const from = site.day(12);
    const to = from + random.int(1, 8);
    const addresses = domain.networks('microsoft365', random.int(1, 4));
    const flow = domain.forged({ mean: site.between(20, 900), addresses, from, to });
    domain.expect({ what: 'forged', from, to }, { flows: [flow] });
  },
};

/**
 * A mailbox of the tenant in a stranger's hands on a weekend: through the usual networks and some that it
 * never used.
 */
export const weekendMailbox: Family = {
  name: 'weekend-mailbox',
  group: 'reported',
  benign: false,
  source: 'https://learn.microsoft.com/defender-office-365/responding-to-a-compromised-email-account',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(20, 1_500) }), random.int(2, 6));
    const selector = random.pick(['selector1', 'selector2']);
    const all = domain.networks('microsoft365', random.int(5, 12));
    const addresses = all.slice(0, Math.ceil(all.length / 2));
    domain.senders.push(
      domain.service('microsoft365', { mean: domain.volume, aligned: 'both', selector, addresses, weekend: 0.15 }),
    );
    // Worlds end on a Tuesday.
    const from = site.days - 4 - 7 * random.int(3, 6);
    const to = from + 1;
    const mean = Math.max(250, domain.volume * site.between(2, 8));
    const flow = domain.service('microsoft365', { mean, aligned: 'both', selector, addresses: all, from, to, weekend: 1 });
    domain.expect({ what: 'takeover', from, to, least: 'medium', says: [/Microsoft/i] }, { flows: [flow] });
  },
};

/**
 * The record of one domain of three loses its rua: each reporter stops when its copy of the record ends, the
 * smallest last.
 */
export const ruaRunsOut: Family = {
  name: 'rua-runs-out',
  group: 'reported',
  benign: false,
  source: 'RFC 9990 section 4; RFC 2308 (caching)',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ volume: site.between(60, 6_000) }), random.int(3, 6));
    for (let i = 0; i < 2; i++) few(site.domain({ volume: site.between(60, 2_000) }), 4);
    const from = site.day(22);
    const last = from + 3;
    for (const [rank] of domain.domain.mix.entries())
      domain.silent(domain.reporter(rank), Math.min(last, from + rank), site.days);
    domain.expect({ what: 'no_reports', from, to: site.days - 1, least: 'medium' });
  },
};

/**
 * First start with 200 days in the mailbox: a botnet that is over, a service that was replaced, and a key
 * that fails since three weeks.
 */
export const historyAndKey: Family = {
  name: 'history-and-key',
  group: 'reported',
  benign: false,
  source: 'https://github.com/domainaware/parsedmarc (first import of old mailboxes); RFC 6376 section 3.6.1',
  days: [180, 210],
  plant(site) {
    const { random } = site;
    const start = site.days - random.int(5, 9);
    site.startAt(start);
    const domain = few(site.domain({ usual: false, volume: site.between(80, 2_000), aspf: 'r' }), 4);
    domain.senders.push(domain.service('google', { mean: domain.volume * 0.5, aligned: 'both' }));
    domain.service('mailgun', { mean: domain.volume * 0.3, aligned: 'dkim', to: start - 60 });
    domain.service('postmark', { mean: domain.volume * 0.3, aligned: 'dkim', from: start - 65 });
    const over = random.int(30, start - 100);
    domain.forged({ mean: site.between(200, 3_000), addresses: site.internet.strangers(500, random), from: over, to: over + 4 });
    const own = domain.ownServers({ mean: domain.volume * 0.2, hosts: 1 });
    const from = start - random.int(15, 25);
    const one = domain.breaks(own, { from, to: site.days - 1, share: 1, mechanism: 'dkim' });
    domain.expect({ what: 'broken', from, to: site.days - 1 }, { breaks: [one] });
    few(site.domain({ parked: true }), 3);
  },
};

/**
 * Somebody publishes a second SPF record for some days: permerror at all receivers; one server has nothing
 * but SPF.
 */
export const secondRecord: Family = {
  name: 'second-record',
  group: 'reported',
  benign: false,
  source: 'RFC 7208 section 4.5 (several records)',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(100, 6_000), aspf: 'r' }), random.int(2, 6));
    domain.senders.push(domain.service('microsoft365', { mean: domain.volume * 0.7, aligned: 'both' }));
    const printers = domain.mail('printers', {
      mean: site.between(4, domain.volume * 0.1),
      addresses: domain.hosts('office', 1),
      dkim: [],
    });
    const from = site.day(16);
    const to = from + random.int(4, 12);
    const breaks = [domain.senders[0]!, printers].map((flow) =>
      domain.breaks(flow, { from, to, share: 1, mechanism: 'spf', result: 'permerror' }),
    );
    domain.expect({ what: 'spf_error', from, to, least: 'low', says: [/SPF/] }, { breaks });
  },
};

/**
 * One of four mail servers gets a key that does not fit: a quarter of the own mail fails DKIM, and SPF passes
 * for all of it.
 */
export const oneSignerWrong: Family = {
  name: 'one-signer-wrong',
  group: 'reported',
  benign: false,
  source: 'RFC 6376 section 3.6.1; http://www.opendkim.org/opendkim-README (key tables)',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(150, 6_000), aspf: 'r' }), random.int(2, 6));
    const addresses = domain.hosts('hetzner', 4);
    const selector = 'mail';
    const mean = domain.volume * 0.25;
    const servers = addresses.map((address) => domain.ownServers({ mean, addresses: [address], selector }));
    domain.senders.push(...servers);
    const from = site.day(16);
    const to = site.days - 1;
    const one = domain.breaks(servers[3]!, { from, to, share: 1, mechanism: 'dkim' });
    domain.expect({ what: 'broken', from, to, least: 'low' }, { breaks: [one] });
  },
};

/** A botnet of thousands, delivered, on a domain on which a handful has been forged each day for months. */
export const floodOverTrickle: Family = {
  name: 'flood-over-trickle',
  group: 'reported',
  benign: false,
  source:
    'https://krebsonsecurity.com/2019/01/bomb-threat-sextortion-spammers-abused-weakness-at-godaddy-com; RFC 9989 section 4.7',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ volume: site.between(100, 3_000), p: 'none' }), random.int(2, 6));
    domain.forged({ mean: site.between(2, 8), addresses: site.internet.strangers(60, random), k: 3 });
    const from = site.day(12);
    const to = from + random.int(1, 5);
    const addresses = site.internet.strangers(random.int(800, 3_000), random);
    const flow = domain.forged({ mean: site.between(1_500, 6_000), addresses, from, to });
    domain.expect({ what: 'botnet', from, to, least: 'critical' }, { flows: [flow] });
  },
};

/**
 * A stranger's account at our own newsletter service, a hundred letters in our name a week, each week from
 * other networks of it.
 */
export const accountBesideOurs: Family = {
  name: 'account-beside-ours',
  group: 'reported',
  benign: false,
  source: 'https://krebsonsecurity.com/2020/08/sendgrid-under-siege-from-hacked-accounts; RFC 9989 section 4.4',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(100, 4_000), p: 'none' }), random.int(2, 6));
    domain.senders.push(domain.service('google', { mean: domain.volume * 0.6, aligned: 'both' }));
    domain.service('sendgrid', { mean: domain.volume * 0.4, aligned: 'dkim' });
    const from = site.day(20);
    const flows = [0, 7, 14].map((later) => {
      const day = from + later;
      return domain.service('sendgrid', {
        mean: site.between(25, 200),
        aligned: 'none',
        from: day,
        to: day + 1,
        weekend: 1,
        networks: 2,
      });
    });
    for (const flow of flows) flow.truth = null;
    domain.expect({ what: 'abused_service', from, to: from + 15, never: [/CNAME/] }, { flows });
  },
};
