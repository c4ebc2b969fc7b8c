import type { Family } from '../family.ts';
import { few, MONTHS } from '../months/shared.ts';

/**
 * An update goes from one own server to the next within a fortnight and stops the signing of each: one cause
 * that grows.
 */
export const hostsBreakInTurn: Family = {
  name: 'hosts-break-in-turn',
  group: 'reported',
  benign: false,
  source: 'https://www.m3aawg.org/DKIMKeyRotation; RFC 6376 section 5; https://serverfault.com/questions/tagged/opendkim',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(150, 6000), aspf: 'r' }), random.int(2, 6));
    const count = random.int(3, 6);
    const from = site.day(24);
    const to = site.days - 1;
    const breaks = Array.from({ length: count }, (_, i) => {
      const server = domain.ownServers({ mean: (domain.volume * 0.8) / count, hosts: 1, at: 'hetzner', selector: 'mail' });
      domain.senders.push(server);
      return domain.breaks(server, { from: from + i * random.int(1, 4), to, share: 1, mechanism: 'dkim', result: 'fail' });
    });
    domain.forwarder({ mean: domain.volume * 0.02, srs: null });
    domain.expect({ what: 'broken', from, to, says: [/DKIM|sign/] }, { breaks });
  },
};

/**
 * A service that one team set up without the domain's key; other teams follow, and its mail grows twentyfold
 * in weeks.
 */
export const crmSpreads: Family = {
  name: 'crm-spreads',
  group: 'reported',
  benign: false,
  source: 'https://knowledge.hubspot.com/domains-and-urls/email-domain-authentication; M3AAWG Sender BCP 3.0',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ volume: site.between(200, 6000) }), random.int(2, 6));
    const from = site.day(30);
    const to = site.days - 1;
    const name = domain.unused('hubspot', 'salesforce', 'zendesk', 'brevo');
    const most = domain.volume * site.between(0.1, 0.5);
    const steps = random.int(10, 25);
    const active = (day: number) => Math.min(1, 0.05 * 20 ** ((day - from) / steps));
    const flow = domain.service(name, { mean: most, aligned: 'none', from, to, active });
    domain.expect({ what: 'unaligned', from, to }, { flows: [flow] });
  },
};

/**
 * The signer of one own server dies now and then and is restarted by a person: some hours of unsigned mail on
 * some days.
 */
export const signerFlaps: Family = {
  name: 'signer-flaps',
  group: 'reported',
  benign: false,
  source: 'https://github.com/trusteddomainproject/OpenDKIM/issues (crashes of the filter); Postfix milter_default_action',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(100, 5000), aspf: 'r' }), random.int(2, 6));
    const server = domain.ownServers({ mean: domain.volume, hosts: random.int(1, 2) });
    domain.senders.push(server);
    const from = site.day(34);
    const to = site.days - 1;
    const breaks = [];
    for (let day = from; day <= to; day += random.int(2, 9))
      breaks.push(domain.breaks(server, { from: day, to: day, share: site.between(0.1, 0.6), mechanism: 'dkim' }));
    domain.expect({ what: 'broken', from, to }, { breaks });
  },
};

/**
 * An agency mails the letter of each second week through its own account, which nobody ever set up for the
 * domain.
 */
export const agencyLetter: Family = {
  name: 'agency-letter',
  group: 'reported',
  benign: false,
  source: 'https://mailchimp.com/help/about-email-authentication; M3AAWG Vetting BCP (2011)',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ volume: site.between(80, 4000) }), random.int(2, 5));
    const from = site.day(31);
    const flow = domain.service(domain.unused('mailchimp', 'brevo', 'mailjet', 'hubspot'), {
      mean: site.between(40, domain.volume),
      aligned: 'none',
      from,
      active: (day) => ((day - from) % 14 === 0 ? 1 : 0),
      weekend: 1,
    });
    domain.expect({ what: 'unaligned', from, to: site.days - 1 }, { flows: [flow] });
  },
};

/**
 * A server without signatures gets another address, which the SPF record does not have until somebody
 * notices.
 */
export const movedBeforeSpf: Family = {
  name: 'moved-before-spf',
  group: 'tuning',
  benign: false,
  source: 'RFC 7208 section 10.1.2 (administrators moving outgoing mail); https://serverfault.com/questions/tagged/spf',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(40, 4000) }), random.int(2, 6));
    domain.senders.push(domain.service('google', { mean: domain.volume * 0.6, aligned: 'both' }));
    const from = site.day(12);
    const to = Math.min(site.days - 1, from + random.int(5, 20));
    const shared = { mean: domain.volume * 0.4, dkim: [], k: 25 } as const;
    domain.mail('shop server', { ...shared, addresses: domain.hosts('ovh', 1), to: from - 1 });
    const addresses = domain.hosts('hetzner', 1);
    const moved = domain.mail('shop server', { ...shared, addresses, spf: 'softfail', from, to, truth: 'misaligned' });
    domain.mail('shop server', { ...shared, addresses, from: to + 1 });
    domain.expect({ what: 'unaligned', from, to, never: [/forge/] }, { flows: [moved] });
  },
};
