import type { Family } from '../family.ts';
import { few, MONTHS } from './shared.ts';

/**
 * First start with a year in the mailbox: waves that are over, a service that left, an outage; one thing
 * stands.
 */
export const yearBehind: Family = {
  name: 'year-behind',
  group: 'reported',
  benign: false,
  source: 'https://github.com/domainaware/parsedmarc (first import of old mailboxes)',
  days: [330, 365],
  plant(site) {
    const { random } = site;
    const start = site.days - random.int(8, 25);
    site.startAt(start);
    const first = few(site.domain({ volume: site.between(40, 800), p: 'none' }), 3);
    for (let i = 0; i < random.int(2, 4); i++) {
      const from = random.int(30, start - 60);
      first.forged({
        mean: site.between(30, 600),
        addresses: site.internet.strangers(random.int(2, 400), random),
        from,
        to: from + random.int(1, 9),
      });
    }
    first.service(first.unused('ses', 'sparkpost', 'mailgun', 'postmark'), {
      mean: first.volume * 0.3,
      aligned: 'none',
      to: start - 70,
    });
    const second = few(site.domain({ volume: site.between(40, 800) }), 3);
    const gap = random.int(60, start - 60);
    second.silent('all', gap, gap + random.int(10, 25));
    const mean = site.between(4, second.volume * 0.3);
    const flow = second.service(second.unused('brevo', 'mailjet', 'hubspot', 'zendesk'), { mean, aligned: 'none' });
    second.expect({ what: 'unaligned', from: 0, to: site.days - 1 }, { flows: [flow] });
    few(site.domain({ parked: true }), 2);
  },
};

/**
 * Ten days of history, and then a wave of forged mail; the sender of the month's letter comes for the first
 * time, too.
 */
export const tenDays: Family = {
  name: 'ten-days',
  group: 'reported',
  benign: false,
  source: 'https://dmarc.org/overview (monitoring first); M3AAWG Email Authentication Recommended Best Practices (2020)',
  days: [34, 50],
  plant(site) {
    const { random } = site;
    site.startAt(10);
    const domain = few(site.domain({ volume: site.between(60, 3000), p: 'none' }), random.int(2, 5));
    const letter = random.int(12, 18);
    domain.service(domain.unused('mailchimp', 'brevo', 'mailjet', 'hubspot'), {
      mean: domain.volume * site.between(0.3, 2),
      aligned: 'dkim',
      active: (d) => (d === letter || d === letter + 14 ? 1 : 0),
      weekend: 1,
    });
    domain.expect(
      { what: 'new_sender', from: letter, to: letter + 15, optional: true, most: 'low' },
      { flows: [domain.domain.flows.at(-1)!] },
    );
    const other = few(site.domain({ volume: site.between(40, 800), p: 'none' }), 3);
    const from = random.int(19, 26);
    const to = from + random.int(1, 5);
    const flow = other.forged({
      mean: site.between(60, 400),
      addresses: site.internet.strangers(random.int(1, 80), random),
      from,
      to,
    });
    other.expect({ what: 'forged', from, to }, { flows: [flow] });
  },
};

/**
 * Of four domains one loses its `rua`; another has mail on a few days of the month and is silent by habit.
 */
export const ruaOfOne: Family = {
  name: 'rua-of-one',
  group: 'reported',
  benign: false,
  source: 'RFC 9990 section 4 (external destinations); https://github.com/wintermeyer/vutuv/issues/801',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const lost = few(site.domain({ volume: site.between(60, 3000) }), random.int(2, 4));
    few(site.domain({ volume: site.between(60, 3000) }), 3);
    const rare = few(site.domain({ usual: false, volume: 3 }), 2);
    const days = new Set(Array.from({ length: 12 }, () => random.int(0, site.days)));
    rare.senders.push(
      rare.service('microsoft365', { mean: 12, aligned: 'both', active: (d) => (days.has(d) ? 1 : 0), weekend: 1 }),
    );
    rare.domain.flows[0]!.active = () => 0.2;
    const from = site.day(18);
    lost.silent('all', from, site.days);
    lost.expect({ what: 'no_reports', from, to: site.days - 1, least: 'medium' });
  },
};

/** A subdomain for the shop gets senders of its own; weeks later strangers invent another beside it. */
export const shopBelow: Family = {
  name: 'shop-below',
  group: 'reported',
  benign: false,
  source: 'RFC 9989 section 4.7 (sp); RFC 9091 (np)',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ volume: site.between(60, 4000), sp: random.pick(['none', null]) }), random.int(2, 6));
    const begin = random.int(20, 40);
    const author = `shop.${domain.name}`;
    const name = domain.unused('ses', 'postmark', 'mailgun', 'sendgrid');
    const shop = domain.service(name, { mean: site.between(5, domain.volume * 0.5), aligned: 'dkim', from: begin });
    shop.header_from = author;
    shop.dkim = shop.dkim.map((one) => (one.domain === domain.name ? { ...one, domain: author } : one));
    domain.expect({ what: 'new_sender', from: begin, to: begin + 20, optional: true, most: 'low' }, { flows: [shop] });
    const from = random.int(58, 75);
    const to = from + random.int(1, 6);
    const flow = domain.forged({
      mean: site.between(30, 500),
      author: `${random.pick(['billing', 'secure-login', 'hr'])}.${domain.name}`,
      addresses: site.internet.strangers(random.int(1, 90), random),
      from,
      to,
    });
    domain.expect({ what: 'forged_subdomain', from, to }, { flows: [flow] });
  },
};
