import { provider } from '../../internet/providers.ts';
import type { Family } from '../family.ts';
import { few, MONTHS } from './shared.ts';

/** The pool of the tenant grows week by week; in one of three domains on it an account is taken over. */
export const tenantGrowsAndLeaks: Family = {
  name: 'tenant-grows-and-leaks',
  group: 'reported',
  benign: false,
  source: 'https://learn.microsoft.com/defender-office-365/responding-to-a-compromised-email-account',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const leaking = random.int(0, 2);
    for (let i = 0; i < 3; i++) {
      const domain = few(site.domain({ usual: false, volume: site.between(30, 3000) }), random.int(2, 4));
      const networks = random.int(2, 4);
      const main = domain.service('microsoft365', { mean: domain.volume * 0.6, aligned: 'both', networks, double: false });
      domain.senders.push(main);
      for (let week = 1; week * 7 < site.days; week++)
        domain.service('microsoft365', {
          mean: (domain.volume * 0.4) / 12,
          aligned: 'both',
          networks: 1,
          selector: main.dkim[0]!.selector,
          double: false,
          from: week * 7 + random.int(0, 6),
        });
      if (i !== leaking) continue;
      const from = site.day(8);
      const to = from + random.int(0, 2);
      const flow = domain.mail('taken account', {
        mean: Math.max(300, domain.volume * site.between(4, 20)),
        addresses: domain.networks('microsoft365', random.int(3, 8)),
        dkim: main.dkim,
        from,
        to,
        truth: null,
        what: 'incident',
        weekend: 1,
      });
      domain.expect({ what: 'takeover', from, to, least: 'medium' }, { flows: [flow] });
    }
  },
};

/** The campaign of the quarter's end, as three months ago; a week after it the service's key is deleted. */
export const campaignThenKey: Family = {
  name: 'campaign-then-key',
  group: 'reported',
  benign: false,
  source: 'M3AAWG Sender BCP 3.0 (volume); M3AAWG DKIM Key Rotation BCP (2019) section 5',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(60, 4000), aspf: 'r' }), random.int(2, 5));
    domain.senders.push(domain.service('google', { mean: domain.volume * 0.7, aligned: 'both' }));
    const name = random.pick(['mailchimp', 'hubspot', 'mailjet', 'brevo'] as const);
    const campaign = domain.service(name, { mean: domain.volume * 0.3, aligned: 'dkim' });
    const end = random.int(50, 68);
    const factor = site.between(4, 25);
    campaign.active = (day) => (Math.abs(day - end) <= 2 || day < 3 ? factor : 1);
    site.trap('end of the quarter', domain.name, end - 2, end + 2);
    const from = end + random.int(5, 14);
    const to = site.days - 1;
    const broken = domain.breaks(campaign, {
      from,
      to,
      share: 1,
      mechanism: 'dkim',
      result: random.pick(['permerror', 'fail', 'neutral']),
    });
    domain.expect({ what: 'broken', from, to, says: [/DKIM|key|selector/] }, { breaks: [broken] });
  },
};

/**
 * A customer of our hoster writes unsigned in our name for days; a domain beside it sends forms unsigned, as
 * ever.
 */
export const neighbourUnsigned: Family = {
  name: 'neighbour-unsigned',
  group: 'tuning',
  benign: false,
  source: 'RFC 7208 section 11.4; https://www.ndss-symposium.org (2024: BreakSPF)',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const at = random.pick(['kundenserver', 'kasserver', 'ovh'] as const);
    const domain = few(site.domain({ usual: false, volume: site.between(20, 2000), aspf: 'r' }), random.int(2, 5));
    const addresses = domain.networks(at, random.int(1, 3));
    domain.senders.push(
      domain.service(at, { mean: domain.volume, aligned: 'both', addresses, selector: provider(at).selectors[0]! }),
    );
    const from = site.day(10);
    const to = from + random.int(2, 8);
    const flow = domain.mail('neighbour', {
      mean: site.between(15, 250),
      addresses: random.chance(0.5) ? addresses : [...addresses.slice(0, 3), ...domain.networks(at, 1)],
      dkim: [],
      from,
      to,
      truth: null,
      what: 'incident',
      weekend: 1,
    });
    domain.expect({ what: 'abused_service', from, to }, { flows: [flow] });
    const forms = few(site.domain({ usual: false, volume: site.between(20, 800) }), 3);
    forms.senders.push(forms.service(at, { mean: forms.volume, aligned: 'both', addresses }));
    forms.mail('forms', { mean: forms.volume * 0.2, addresses: addresses.slice(0, 1), dkim: [] });
  },
};

/**
 * A trickle for months, then two waves of a botnet three weeks apart; own mail is refused or not as `p` has
 * it.
 */
export const wavesAfterTrickle: Family = {
  name: 'waves-after-trickle',
  group: 'reported',
  benign: false,
  source: 'https://www.m3aawg.org/sites/default/files/m3aawg-bots-mitigation-bp-2009-07.pdf',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const p = random.pick(['none', 'none', 'quarantine'] as const);
    const domain = few(site.domain({ volume: site.between(40, 3000), p }), random.int(2, 6));
    domain.forged({ mean: site.between(2, 8), addresses: site.internet.strangers(40, random), to: 88 });
    const first = random.int(40, 50);
    for (const from of [first, first + random.int(19, 26)]) {
      const to = from + random.int(1, 4);
      const addresses = site.internet.strangers(Math.round(site.between(400, 3000)), random);
      const flow = domain.forged({ mean: site.between(500, 4000), addresses, from, to });
      domain.expect({ what: 'botnet', from, to, least: p === 'none' ? 'high' : 'medium' }, { flows: [flow] });
    }
  },
};

/**
 * The signing of the tenant stops verifying everywhere; SPF hides it, and what is forwarded fails. Little
 * mail.
 */
export const keysGone: Family = {
  name: 'keys-gone',
  group: 'reported',
  benign: false,
  source: 'https://learn.microsoft.com/defender-office-365/email-authentication-dkim-configure; RFC 6376 section 6.1.2',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(12, 400), aspf: 'r' }), random.int(1, 4));
    const main = domain.service(random.pick(['microsoft365', 'google'] as const), {
      mean: domain.volume,
      aligned: 'both',
      networks: 5,
    });
    domain.senders.push(main);
    const passed = domain.forwarder({ mean: domain.volume * 0.04, srs: null });
    const from = site.day(20);
    const to = site.days - 1;
    const result = random.pick(['fail', 'permerror', 'neutral']);
    const breaks = [main, passed].map((flow) => domain.breaks(flow, { from, to, share: 1, mechanism: 'dkim', result }));
    domain.expect({ what: 'broken', from, to, says: [/DKIM|key|selector/] }, { breaks });
    few(site.domain({ volume: site.between(40, 800) }), 3);
  },
};

/**
 * One include too many: SPF ends in permerror for all senders; the scanner in the office has nothing else.
 */
export const eleventhLookup: Family = {
  name: 'eleventh-lookup',
  group: 'reported',
  benign: false,
  source: 'RFC 7208 section 4.6.4',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(30, 3000), aspf: 'r' }), random.int(2, 5));
    const main = domain.service('microsoft365', { mean: domain.volume * 0.8, aligned: 'both' });
    domain.senders.push(main);
    const scanner = domain.mail('scanner', { mean: Math.max(2, domain.volume * 0.05), addresses: domain.hosts('office', 1) });
    domain.service('mailchimp', { mean: domain.volume * 0.15, aligned: 'dkim' });
    const from = site.day(15);
    const to = site.days - 1;
    const breaks = [main, scanner].map((flow) =>
      domain.breaks(flow, { from, to, share: 1, mechanism: 'spf', result: 'permerror' }),
    );
    domain.expect({ what: 'spf_error', from, to, says: [/SPF/] }, { breaks });
  },
};

/**
 * In one week strangers forge and the tenant's DKIM breaks beside SPF that was never aligned: two stories.
 */
export const twoAtOnce: Family = {
  name: 'two-at-once',
  group: 'reported',
  benign: false,
  source: 'M3AAWG Email Authentication Recommended Best Practices (2020)',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const p = random.pick(['none', 'quarantine'] as const);
    const domain = few(site.domain({ usual: false, volume: site.between(60, 3000), p }), random.int(2, 5));
    domain.senders.push(domain.service('google', { mean: domain.volume * 0.6, aligned: 'both' }));
    const helpdesk = domain.service('zendesk', { mean: domain.volume * 0.4, aligned: 'dkim' });
    const from = site.day(12);
    const broken = domain.breaks(helpdesk, { from, to: site.days - 1, share: 1, mechanism: 'dkim' });
    domain.expect({ what: 'broken', from, to: site.days - 1 }, { breaks: [broken] });
    const begin = from + random.int(0, 3);
    const to = begin + random.int(1, 5);
    const flow = domain.forged({
      mean: site.between(30, 500),
      addresses: site.internet.strangers(random.int(2, 120), random),
      from: begin,
      to,
    });
    domain.expect({ what: 'forged', from: begin, to }, { flows: [flow] });
  },
};

/** Our server moves to another hoster, announced to nobody; in the same fortnight a rented machine forges. */
export const moveAndForgery: Family = {
  name: 'move-and-forgery',
  group: 'reported',
  benign: false,
  source: 'https://docs.hetzner.com/cloud/servers/faq; https://www.spamhaus.org/faqs/snowshoe-spamming',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ usual: false, volume: site.between(40, 3000), p: 'none' }), random.int(2, 5));
    const day = site.day(20);
    const common = { mean: domain.volume * 0.8, selector: 'mail' };
    domain.senders.push(domain.ownServers({ ...common, addresses: domain.hosts('digitalocean', 1), to: day - 1 }));
    domain.ownServers({ ...common, addresses: domain.hosts('hetzner', 1), from: day });
    domain.service('brevo', { mean: domain.volume * 0.2, aligned: 'dkim' });
    site.trap('our server moved', domain.name, day, day + 3);
    const from = day + random.int(-4, 8);
    const to = from + random.int(1, 6);
    const addresses = site.internet.network(
      provider(random.pick(['ovh', 'hetzner', 'digitalocean'] as const)),
      random.int(1, 3),
      random,
    );
    // The return path is ours, or one of the forger's that passes.
    const his = random.chance(0.5) ? { envelope: `${random.hex(4)}.example`, spf: 'pass' } : {};
    const flow = domain.forged({ mean: site.between(20, 300), addresses, from, to, ...his });
    domain.expect({ what: 'forged', from, to }, { flows: [flow] });
  },
};

/**
 * Letters to pay, a handful a day, signed and passing for the forger's own look-alike domain; refused
 * nowhere.
 */
export const lettersToPay: Family = {
  name: 'letters-to-pay',
  group: 'reported',
  benign: false,
  source: 'https://www.ic3.gov/PSA/2024/PSA240911 (business email compromise)',
  days: MONTHS,
  plant(site) {
    const { random } = site;
    const domain = few(site.domain({ volume: site.between(40, 3000), p: 'none' }), random.int(2, 5));
    const from = site.day(14);
    const to = from + random.int(2, 8);
    const his = `pay-${random.hex(3)}.example`;
    const addresses = site.internet.network(
      provider(random.pick(['ovh', 'digitalocean', 'ec2'] as const)),
      random.int(1, 2),
      random,
    );
    const dkim = random.chance(0.5) ? [{ domain: his, selector: 'k', result: 'pass' }] : [];
    const flow = domain.forged({ mean: site.between(4, 30), addresses, envelope: his, spf: 'pass', dkim, from, to });
    domain.expect({ what: 'forged', from, to }, { flows: [flow] });
    few(site.domain({ volume: site.between(40, 800) }), 3);
  },
};
