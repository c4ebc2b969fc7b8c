import type { Family } from '../family.ts';
import { few, MONTHS } from '../months/shared.ts';

/** One forger writes in the name of all four domains of a group on the same days, from the same networks. */
export const groupForged: Family = {
  name: 'group-forged',
  group: 'reported',
  benign: false,
  source: 'https://www.proofpoint.com/us/threat-reference/domain-spoofing; RFC 9989 section 11.2',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const from = site.day(12);
    const to = from + random.int(1, 5);
    const addresses = site.internet.strangers(random.int(3, 60), random);
    for (let i = 0; i < 4; i++) {
      const domain = few(site.domain({ volume: site.between(60, 2000), p: 'none' }), random.int(3, 6));
      const flow = domain.forged({ mean: site.between(40, 400), addresses, from, to });
      domain.expect({ what: 'forged', from, to }, { flows: [flow] });
    }
  },
};

/**
 * On the days of the year's largest sale, when the newsletter brings ten times its mail, strangers write as
 * the shop.
 */
export const waveInTheSale: Family = {
  name: 'wave-in-the-sale',
  group: 'reported',
  benign: false,
  source: 'https://www.m3aawg.org (holiday season and phishing); https://www.cisa.gov/news-events (holiday scams)',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(200, 8000), p: 'none' }), random.int(2, 6));
    domain.senders.push(domain.service('microsoft365', { mean: domain.volume * 0.3, aligned: 'both' }));
    const from = site.day(14);
    const to = from + random.int(1, 3);
    const factor = site.between(4, 12);
    // It has had such days before, a month ago.
    const sale = (day: number) => (day >= from - 1 && day <= to) || (day >= from - 31 && day <= to - 30);
    domain.service(random.pick(['mailchimp', 'brevo', 'hubspot'] as const), {
      mean: domain.volume * 0.7,
      aligned: 'dkim',
      active: (day) => (sale(day) ? factor : 1),
    });
    const addresses = site.internet.strangers(random.int(2, 40), random);
    const flow = domain.forged({ mean: Math.max(40, domain.volume * site.between(0.1, 0.6)), addresses, from, to });
    domain.expect({ what: 'forged', from, to }, { flows: [flow] });
  },
};

/** A pipeline and a person take turns with the DMARC record: p=quarantine and p=none alternate for weeks. */
export const policyFlaps: Family = {
  name: 'policy-flaps',
  group: 'tuning',
  benign: false,
  source: 'https://developer.hashicorp.com/terraform/tutorials/state/resource-drift',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ volume: site.between(60, 4000), p: 'quarantine' }), random.int(3, 6));
    const from = site.day(32);
    const to = site.days - 1;
    for (let day = from; day <= to; ) {
      const end = day + random.int(1, 4);
      domain.publishes({ p: 'none' }, day, Math.min(end, to));
      day = end + random.int(2, 6);
    }
    domain.expect({ what: 'policy_weakened', from, to });
  },
};

/** Forged mail that comes by IPv6 alone, each day from other prefixes of one hoster. */
export const sixForger: Family = {
  name: 'six-forger',
  group: 'reported',
  benign: false,
  source: 'https://www.m3aawg.org/documents/en/m3aawg-policy-issues-receiving-email-world-ipv6-hosts',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ volume: site.between(60, 4000) }), random.int(2, 6));
    const from = site.day(14);
    const to = from + random.int(2, 9);
    const flow = domain.forged({ mean: site.between(20, 300), addresses: domain.networks('hetzner', 12, 6), from, to });
    domain.expect({ what: 'forged', from, to }, { flows: [flow] });
  },
};

/** Every Sunday a handful is forged in the name of a parked domain; reject has receivers refuse it. */
export const weeklyOnParked: Family = {
  name: 'weekly-on-parked',
  group: 'reported',
  benign: false,
  source: 'M3AAWG Protecting Parked Domains BCP (2022)',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    few(site.domain({ volume: site.between(60, 2000) }), 4);
    const parked = few(site.domain({ parked: true, p: random.pick(['reject', 'none'] as const) }), random.int(2, 4));
    const from = site.day(36);
    const to = site.days - 1;
    const flow = parked.forged({
      mean: site.between(10, 120),
      addresses: site.internet.strangers(random.int(1, 25), random),
      from,
      active: (day) => ((day - from) % 7 === 0 ? 1 : 0),
    });
    parked.expect({ what: 'forged', from, to }, { flows: [flow] });
  },
};
