import type { Family } from '../family.ts';
import { few, MONTHS } from '../months/shared.ts';

/** Departments of a university run servers of their own below its domain; now and then another one begins. */
export const departments: Family = {
  name: 'departments',
  group: 'reported',
  benign: true,
  source: 'RFC 9989 section 4.7; https://www.jisc.ac.uk (email for departments)',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(400, 8000) }), random.int(3, 6));
    domain.senders.push(domain.service('microsoft365', { mean: domain.volume * 0.5, aligned: 'both' }));
    const names = ['physics', 'law', 'chem', 'library', 'history', 'maths', 'arts', 'sport'];
    for (const [i, name] of names.entries()) {
      const from = i < 4 ? 0 : random.int(15, site.days - 10);
      const author = `${name}.${domain.name}`;
      const addresses = domain.hosts('office', 1);
      const of = domain.mail(name, {
        mean: site.between(2, domain.volume * 0.1),
        addresses,
        author,
        envelope: author,
        dkim: random.chance(0.7) ? [domain.own('mail', author)] : [],
        from,
      });
      if (from > 0) domain.expect({ what: 'new_sender', from, to: from + 20, optional: true, most: 'low' }, { flows: [of] });
    }
  },
};

/**
 * After a merger a second tenant of the same service sends in the domain's name, set up rightly, with its own
 * pool and key.
 */
export const secondTenant: Family = {
  name: 'second-tenant',
  group: 'reported',
  benign: true,
  source: 'https://learn.microsoft.com/microsoft-365/enterprise/microsoft-365-tenant-to-tenant-migrations',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(100, 6000) }), random.int(2, 6));
    const first = domain.service('microsoft365', { mean: domain.volume * 0.7, aligned: 'both', selector: 'selector1' });
    domain.senders.push(first);
    domain.service('sendgrid', { mean: domain.volume * 0.2, aligned: 'dkim' });
    const from = site.day(20);
    const mean = domain.volume * site.between(0.05, 0.5);
    domain.service('microsoft365', { mean, aligned: 'both', selector: 'selector2', from, networks: random.int(1, 4) });
    site.trap('second tenant', domain.name, from, from + 10);
  },
};

/**
 * Two ticket systems answer each other for some hours: ten times the help desk's mail on one day, all of it
 * passing.
 */
export const ticketLoop: Family = {
  name: 'ticket-loop',
  group: 'reported',
  benign: true,
  source: 'RFC 3834 section 2 (responders answering responders); https://support.zendesk.com/hc/articles/4408886840986',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(100, 5000) }), random.int(2, 6));
    domain.senders.push(domain.service('google', { mean: domain.volume * 0.7, aligned: 'both' }));
    const day = site.day(14);
    const factor = site.between(4, 25);
    const desk = domain.service('zendesk', {
      mean: domain.volume * 0.3,
      aligned: 'dkim',
      active: (d) => (d === day ? factor : 1),
    });
    domain.expect({ what: 'takeover', from: day, to: day, optional: true }, { flows: [desk] });
  },
};

/** A company is divided: half of its mail leaves for a domain of its own within a month, senders and all. */
export const saleSplit: Family = {
  name: 'sale-split',
  group: 'reported',
  benign: true,
  source: 'https://learn.microsoft.com/microsoft-365/enterprise/microsoft-365-tenant-to-tenant-migrations (divestitures)',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const old = few(site.domain({ volume: site.between(200, 8000) }), random.int(2, 6));
    const day = site.day(25);
    const weeks = random.int(7, 28);
    const gone = (d: number) => Math.min(1, Math.max(0, (d - day + 1) / weeks));
    for (const flow of old.domain.flows) {
      const { active } = flow;
      if (flow.what !== 'noise') flow.active = (d) => active(d) * (1 - 0.6 * gone(d));
    }
    const next = few(site.domain({ usual: false, volume: old.volume * 0.6 }), random.int(2, 4));
    const first = next.service('microsoft365', { mean: next.volume, aligned: 'both', active: gone });
    next.senders.push(first);
    // Whoever looks after both may be asked about the first sender of the new one.
    next.expect({ what: 'new_sender', from: day, to: day + weeks, optional: true, most: 'low' }, { flows: [first] });
    site.trap('a company is divided', old.name, day, day + weeks);
  },
};
