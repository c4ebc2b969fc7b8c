import { provider } from '../../internet/providers.ts';
import type { Family } from '../family.ts';

/** A campaign from lines of homes: each address a message or two, never again, for a few days or weeks. */
export const residentialCampaign: Family = {
  name: 'residential-campaign',
  group: 'tuning',
  benign: false,
  source: 'https://www.m3aawg.org/sites/default/files/m3aawg-bots-mitigation-bp-2009-07.pdf; Spamhaus PBL',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 10_000), p: random.pick(['none', 'none', 'quarantine']) });
    const from = site.day(10);
    const to = from + random.int(2, 9);
    const flow = domain.forged({ mean: site.between(25, 300), addresses: site.internet.strangers(2500, random), from, to });
    domain.expect({ what: 'forged', from, to, least: 'low' }, { flows: [flow] });
  },
};

/** Names below the domain that never were, a new one for each wave, from a few machines or many. */
export const inventedEachTime: Family = {
  name: 'invented-each-time',
  group: 'tuning',
  benign: false,
  source: 'RFC 9989 section 4.7 and RFC 9091 (np: policy for names that do not exist)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 8000), sp: random.pick(['none', null]) });
    const from = site.day(10);
    const to = from + random.int(2, 7);
    const addresses = random.chance(0.5)
      ? site.internet.network(provider('ovh'), 4, random)
      : site.internet.strangers(300, random);
    const names = random.int(3, 9);
    const mean = site.between(30, 500) / names;
    const flows = Array.from({ length: names }, () =>
      domain.forged({
        mean,
        addresses,
        from,
        to,
        author: `${random.pick(['invoice', 'hr', 'pay', 'secure'])}-${random.hex(2)}.${domain.name}`,
      }),
    );
    domain.expect({ what: 'forged_subdomain', from, to }, { flows });
  },
};

/**
 * Strangers relay through a gateway that the domain uses: all of it passes, from the addresses of the
 * gateway.
 */
export const echoThroughGateway: Family = {
  name: 'echo-through-gateway',
  group: 'tuning',
  benign: false,
  source: 'https://guard.io/labs/echospoofing (July 2024); SPF of pphosted.com',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(100, 10_000), p: random.pick(['none', 'reject']) });
    const gateway = domain.service('proofpoint', { mean: domain.volume * 0.9, aligned: 'both', networks: 2 });
    domain.senders.push(gateway);
    domain.service('mailchimp', { mean: domain.volume * 0.1, aligned: 'dkim' });
    const from = site.day(8);
    const to = from + random.int(1, 5);
    const flow = domain.mail('echo', {
      mean: Math.max(500, domain.volume * site.between(5, 30)),
      addresses: gateway.addresses,
      envelope: gateway.envelope_from,
      dkim: gateway.dkim,
      from,
      to,
      truth: null,
      what: 'incident',
      weekend: 1,
      k: 4,
    });
    domain.expect({ what: 'takeover', from, to, least: 'medium' }, { flows: [flow] });
  },
};

/**
 * Some dozens of letters to pay, in the name of the boss, from one rented machine, on three days of a month.
 */
export const bossFraud: Family = {
  name: 'boss-fraud',
  group: 'tuning',
  benign: false,
  source: 'https://www.ic3.gov/PSA/2024/PSA240911 (business email compromise)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 8000), p: random.pick(['none', 'none', 'quarantine', 'reject']) });
    const addresses = site.internet.network(provider(random.pick(['ovh', 'digitalocean', 'hetzner'] as const)), 1, random);
    const from = site.day(10);
    const to = from + random.int(0, 2);
    // The return path is the forger's own, which passes SPF.
    const flow = domain.forged({
      mean: site.between(15, 90),
      addresses,
      from,
      to,
      envelope: `m-${random.hex(3)}.example`,
      spf: 'pass',
    });
    domain.expect({ what: 'forged', from, to }, { flows: [flow] });
  },
};

/**
 * The same forger comes back every second week, from other machines of the same hoster: one story, not five.
 */
export const forgerReturns: Family = {
  name: 'forger-returns',
  group: 'tuning',
  benign: false,
  source: 'https://www.spamhaus.org/faqs/snowshoe-spamming (rented ranges in turn)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 8000), p: random.pick(['none', 'quarantine']) });
    const of = provider(random.pick(['ovh', 'digitalocean'] as const));
    const first = site.day(40, 30);
    const every = random.int(9, 15);
    for (let from = first; from < site.days - 3; from += every) {
      const addresses = site.internet.network(of, 3, random);
      const to = from + random.int(0, 2);
      const flow = domain.forged({ mean: site.between(30, 200), addresses, from, to });
      domain.expect({ what: 'forged', from, to }, { flows: [flow] });
    }
  },
};

/**
 * A web shop's contact form is filled by robots: the own web server sends thirty times its mail, to
 * strangers, all of it passing.
 */
export const formAbused: Family = {
  name: 'form-abused',
  group: 'tuning',
  benign: false,
  source: 'https://owasp.org/www-project-automated-threats-to-web-applications (OAT-021 and spamming by forms)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(60, 5000) });
    domain.senders.push(domain.service('google', { mean: domain.volume * 0.8, aligned: 'both' }));
    const web = domain.ownServers({ mean: Math.max(2, domain.volume * 0.1), hosts: 1, at: 'hetzner', selector: 'web' });
    const from = site.day(8);
    const to = from + random.int(1, 6);
    const flow = domain.mail('robots', {
      mean: Math.max(200, web.mean * site.between(10, 60)),
      addresses: web.addresses,
      dkim: web.dkim,
      from,
      to,
      truth: null,
      what: 'incident',
      weekend: 1,
    });
    domain.expect({ what: 'takeover', from, to }, { flows: [flow] });
  },
};
