import type { Family } from '../family.ts';
import { few, MONTHS } from '../months/shared.ts';

/**
 * A newsletter that goes out once a week moves from one service to another, with a key of its own, within two
 * or three issues.
 */
export const letterChangesService: Family = {
  name: 'letter-changes-service',
  group: 'reported',
  benign: true,
  source: 'https://help.brevo.com (migrate from Mailchimp); M3AAWG Sender Best Common Practices, Version 3.0',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(60, 4_000) }), random.int(3, 6));
    domain.senders.push(domain.service('google', { mean: domain.volume * 0.5, aligned: 'both' }));
    const first = random.int(0, 6);
    const day = site.day(25);
    const overlap = random.int(0, 2) * 7;
    const weekly = (d: number) => (d % 7 === first ? 1 : 0);
    const mean = domain.volume * site.between(0.5, 3);
    const [from, to] = random.pick([
      ['mailchimp', 'brevo'],
      ['mailjet', 'mailchimp'],
      ['hubspot', 'sendgrid'],
    ] as const);
    domain.service(from, { mean, aligned: 'dkim', active: weekly, weekend: 1, to: day - 1 + overlap });
    const next = domain.service(to, { mean, aligned: 'dkim', active: weekly, weekend: 1, from: day });
    // Until the old one has fallen by an issue, nobody can know that it was replaced.
    domain.expect({ what: 'new_sender', from: day, to: day + 21, optional: true, most: 'low' }, { flows: [next] });
    site.trap('a newsletter changes its service', domain.name, day, day + overlap + 14);
  },
};

/**
 * The office gets another line: its server has a new address in both families, and the SPF record follows a
 * day or two late.
 */
export const newLine: Family = {
  name: 'new-line',
  group: 'reported',
  benign: true,
  source:
    'RFC 8601 section 2.7.3 (iprev); RFC 7208 section 4.6.4; https://www.postfix.org/postconf.5.html#smtp_address_preference',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(30, 3_000) }), random.int(2, 6));
    const selector = random.pick(['mail', 'default', '2024']);
    const day = site.day(20);
    const mean = domain.volume * 0.7;
    domain.senders.push(domain.ownServers({ mean, hosts: 1, at: 'office', selector, to: day - 1 }));
    const late = random.int(0, 2);
    const four = domain.ownServers({ mean: mean * 0.6, addresses: domain.hosts('office', 1), selector, from: day });
    const six = domain.ownServers({ mean: mean * 0.4, addresses: domain.hosts('hetzner', 1, 6), selector, from: day });
    for (const flow of [four, six])
      if (late > 0) domain.breaks(flow, { from: day, to: day + late - 1, share: 1, mechanism: 'spf' });
    domain.service('zendesk', { mean: domain.volume * 0.3, aligned: 'dkim' });
    site.trap('a new line', domain.name, day, day + 6);
  },
};

/** A company shuts for two weeks and comes back to three days of answers. */
export const shutForHolidays: Family = {
  name: 'shut-for-holidays',
  group: 'reported',
  benign: true,
  source: 'RFC 3834; https://support.google.com/a/answer/2364580 (limits and habits of senders)',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ volume: site.between(40, 5_000) }), random.int(2, 6));
    const from = site.day(24);
    const to = from + random.int(9, 16);
    const rest = site.between(0.01, 0.1);
    const after = site.between(1.3, 2.5);
    for (const flow of domain.domain.flows) {
      if (flow.what === 'noise') continue;
      const { active } = flow;
      flow.active = (d) => active(d) * (d >= from && d <= to ? rest : d > to && d <= to + 3 ? after : 1);
    }
    site.trap('shut for holidays', domain.name, from, to + 3);
  },
};

/**
 * The host of a mailing list moves, gets IPv6 and begins to sign as itself; it keeps the author's From, as
 * before.
 */
export const listHostMoves: Family = {
  name: 'list-host-moves',
  group: 'reported',
  benign: true,
  source: 'RFC 6377; RFC 9989 section 7.4; https://docs.mailman3.org (DMARC mitigation, DKIM)',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ volume: site.between(100, 4_000) }), random.int(3, 7));
    const host = `${random.pick(['lists', 'mailman'])}.${random.pick(['northquay', 'tallgrass'])}.example`;
    const mean = site.between(1, Math.max(4, domain.volume * 0.06));
    const day = site.day(20);
    domain.list({ mean, host, to: day - 1 });
    domain.list({ mean, host, from: day, addresses: [...domain.networks('hetzner', 1), ...domain.networks('hetzner', 1, 6)] });
    site.trap('the host of a list moves', domain.name, day, day + 8);
  },
};

/**
 * Two reports' worth of invoices: twenty times a service's mail on one day every six weeks, the second one
 * within the world.
 */
export const sixWeekInvoices: Family = {
  name: 'six-week-invoices',
  group: 'reported',
  benign: true,
  source:
    'M3AAWG Sender Best Common Practices, Version 3.0 (transactional mail); https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas.html',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(80, 5_000) }), random.int(2, 6));
    domain.senders.push(domain.service('microsoft365', { mean: domain.volume * 0.6, aligned: 'both' }));
    const first = random.int(8, 20);
    const factor = site.between(5, 20);
    // The first one is in the history that the program starts with.
    site.startAt(first + 10);
    domain.service('ses', {
      mean: domain.volume * 0.4,
      aligned: 'both',
      active: (d) => (d === first || d === first + 42 ? factor : 1),
      weekend: 1,
    });
    site.trap('invoices', domain.name, first + 42, first + 43);
  },
};

/**
 * A mailbox provider's pool grows by a network a week, in both families, and the tenant's mail with it by
 * half.
 */
export const poolInBothFamilies: Family = {
  name: 'pool-in-both-families',
  group: 'reported',
  benign: true,
  source:
    'https://learn.microsoft.com/microsoft-365/enterprise/urls-and-ip-address-ranges; https://learn.microsoft.com/exchange/mail-flow-best-practices/ipv6-support',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(60, 10_000) }), random.int(2, 7));
    const selector = random.pick(['selector1', 'selector2']);
    domain.senders.push(domain.service('microsoft365', { mean: domain.volume * 0.6, aligned: 'both', selector, growth: 0.004 }));
    for (let from = random.int(14, 30); from < site.days - 3; from += random.int(4, 9)) {
      const addresses = domain.networks('microsoft365', 1, random.chance(0.4) ? 6 : 4);
      domain.service('microsoft365', {
        mean: domain.volume * site.between(0.01, 0.15),
        aligned: 'both',
        selector,
        addresses,
        from,
      });
    }
    domain.service('mailgun', { mean: domain.volume * 0.2, aligned: 'dkim' });
  },
};
