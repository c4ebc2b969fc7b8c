import type { Random } from '../../demo/random.ts';
import type { PublishedPolicy } from '../../demo/report.ts';
import { logNormal } from '../draws.ts';
import type { Internet } from '../internet/internet.ts';
import { PROVIDERS, type ProviderName, provider } from '../internet/providers.ts';
import type { Approval, Break, Domain, Flow, Incident, ReporterEvent, Signature, TrueClass } from '../model.ts';
import type { Expectation } from './expectation.ts';

/** The world that a domain is in. */
export interface Ground {
  readonly days: number;
  readonly internet: Internet;
  incident(one: Incident): void;
  approval(one: Approval): void;
}

/** How much, and when. Days are report days. */
export interface Volume {
  /** Messages on an ordinary weekday that all reporters see together. */
  mean: number;
  from?: number;
  to?: number;
  /** Factor for a report day, within `from` and `to`. */
  active?: (day: number) => number;
  /** What a weekend day brings, as part of a weekday. Default: the domain's. */
  weekend?: number;
  /** Growth a day: 0.005 is half a percent. */
  growth?: number;
  /** Over-dispersion: the variance of a day's count is mean + mean²/k. Default 12. */
  k?: number;
}

/** Mail as a receiver sees it. */
export interface Mail extends Volume {
  addresses: readonly string[];
  /** The domain of the From field; default: the domain. */
  author?: string;
  /** The domain of the return path; default: the author's. */
  envelope?: string;
  /** SPF of the return path; default `pass`. */
  spf?: string;
  /** Signatures; `own(selector)` makes one of the domain's. */
  dkim?: readonly Signature[];
  /** What it truly is; null: nobody could say from reports. Default `authorized`. */
  truth?: TrueClass;
  what?: Flow['what'];
}

export interface ServiceOptions extends Volume {
  /** What of it is aligned with the domain. */
  aligned: 'both' | 'dkim' | 'spf' | 'none';
  /** Networks of the provider that its mail comes from (an IPv4 /24 each). Default 1 to 3. */
  networks?: number;
  /** Addresses instead of new ones of the provider's. */
  addresses?: readonly string[];
  selector?: string;
  /**
   * The provider signs with its own domain as well; default as it does by its documentation, half of the
   * time.
   */
  double?: boolean;
}

/** A domain under construction. What it returns are flows: to be broken, or expected, later. */
export class DomainSite {
  readonly site: Ground;
  readonly domain: Domain;
  readonly random: Random;
  readonly weekend: number;
  /** What `usual` added: own servers first. */
  readonly senders: Flow[] = [];

  constructor(site: Ground, domain: Domain, random: Random) {
    this.site = site;
    this.domain = domain;
    this.random = random;
    this.weekend = random.chance(0.6) ? 0.1 + 0.25 * random.next() : 0.6 + 0.4 * random.next();
  }

  get name(): string {
    return this.domain.name;
  }

  get volume(): number {
    return this.domain.volume;
  }

  /** Own servers, or Microsoft or Google instead; one to three services; forwarders. */
  usual(): void {
    const { random, volume } = this;
    const main = 0.4 + 0.35 * random.next();
    const host = random.pick(['own', 'own', 'microsoft365', 'google'] as const);
    this.senders.push(
      host === 'own' ? this.ownServers({ mean: volume * main }) : this.service(host, { mean: volume * main, aligned: 'both' }),
    );
    const names = random.shuffle(SERVICES).slice(0, volume < 100 ? 1 : random.int(1, 3));
    for (const name of names) {
      const aligned = this.domain.policy.aspf === 's' || !canAlignSpf(name) ? 'dkim' : random.pick(['both', 'dkim'] as const);
      this.senders.push(this.service(name, { mean: (volume * (1 - main)) / names.length, aligned }));
    }
    const forwarders = volume < 200 ? random.int(0, 1) : random.int(1, 3);
    for (let i = 0; i < forwarders; i++)
      this.forwarder({ mean: Math.max(0.3, Math.min(40, logNormal(random, volume * 0.004, 0.8))) });
  }

  /**
   * One of these services that the domain does not use yet; of two accounts of one service reports see one.
   */
  unused<Name extends ProviderName>(...names: Name[]): Name {
    const free = names.filter((name) => !this.domain.flows.some(({ id }) => id.startsWith(`${name}/`)));
    if (free.length === 0) throw new Error(`${this.name} uses all of ${names.join(', ')}.`);
    return this.random.pick(free);
  }

  /** A signature of the domain's that passes. */
  own(selector: string, domain = this.name): Signature {
    return { domain, selector, result: 'pass' };
  }

  /** Any mail. The other methods end here. */
  mail(id: string, mail: Mail): Flow {
    const { from = 0, to = Number.POSITIVE_INFINITY, active = () => 1 } = mail;
    const author = mail.author ?? this.name;
    const envelope = mail.envelope ?? author;
    const flow: Flow = {
      id: `${id}/${this.domain.flows.length}`,
      what: mail.what ?? 'own',
      truth: mail.truth === undefined ? 'authorized' : mail.truth,
      addresses: mail.addresses,
      header_from: author,
      envelope_from: envelope,
      spf: { domain: envelope, result: mail.spf ?? 'pass' },
      dkim: mail.dkim ?? [],
      mean: mail.mean,
      k: mail.k ?? 12,
      weekend: mail.weekend ?? this.weekend,
      growth: mail.growth ?? 0,
      active: (day) => (day >= from && day <= to ? active(day) : 0),
      reporters: new Map(),
      breaks: [],
      incident: null,
    };
    this.domain.flows.push(flow);
    return flow;
  }

  /** Servers of the domain's own, with its reverse name: rented ones or a business line. */
  ownServers(given: Volume & { hosts?: number; at?: ProviderName; selector?: string; addresses?: readonly string[] }): Flow {
    const { random } = this;
    const at = given.at ?? random.pick(['hetzner', 'digitalocean', 'office', 'ec2'] as const);
    const addresses = given.addresses ?? this.hosts(at, given.hosts ?? random.int(1, 3));
    const selector = given.selector ?? random.pick(PROVIDERS[at].selectors);
    return this.mail('own servers', { ...given, addresses, dkim: [this.own(selector)], k: given.k ?? 25 });
  }

  /** Addresses in one network of a hoster's, each named mail1.<domain> and so on, forward-confirmed. */
  hosts(at: ProviderName, count: number, family: 4 | 6 = 4): string[] {
    const of = provider(at);
    const list = this.site.internet.network(of, count, this.random, family);
    const label = this.random.pick(['mail', 'mx', 'smtp', 'out']);
    for (const [i, ip] of list.entries()) this.site.internet.put(ip, of, `${label}${list.length > 1 ? i + 1 : ''}.${this.name}`);
    return list;
  }

  /** Networks of a provider, an IPv4 /24 (or IPv6 /64) each. */
  networks(name: ProviderName, count: number, family: 4 | 6 = 4): string[] {
    const { random, site } = this;
    return Array.from({ length: count }, () => site.internet.network(provider(name), random.int(2, 12), random, family)).flat();
  }

  /** Mail through a service, set up as its documentation says, or not at all. */
  service(name: ProviderName, given: ServiceOptions): Flow {
    const { random } = this;
    const of = provider(name);
    const spfAligned = given.aligned === 'both' || given.aligned === 'spf';
    const envelope = spfAligned
      ? of.returnLabel
        ? `${of.returnLabel(random)}.${this.name}`
        : this.name
      : (of.bounce ?? `bounces.${name}-customers.example`);
    const own = this.own(given.selector ?? random.pick(of.selectors));
    const signed = given.aligned === 'both' || given.aligned === 'dkim';
    const theirs = of.signer ? [{ domain: of.signer, selector: 's1', result: 'pass' }] : [];
    const dkim = signed ? [own, ...((given.double ?? random.chance(0.5)) ? theirs : [])] : theirs;
    return this.mail(name, {
      ...given,
      addresses: given.addresses ?? this.networks(name, given.networks ?? random.int(1, 3)),
      envelope,
      dkim,
      truth: given.aligned === 'none' ? 'misaligned' : 'authorized',
      what: given.aligned === 'none' ? 'service_unaligned' : 'service_both',
    });
  }

  /**
   * Mailboxes that pass our mail on: the signature survives; SPF fails, or passes for the forwarder that
   * rewrites the return path (SRS).
   */
  forwarder(
    given: Volume & { addresses?: readonly string[]; srs?: string | null; at?: ProviderName; dkim?: readonly Signature[] },
  ): Flow {
    const { random } = this;
    const signer = this.senders[0]?.dkim[0] ?? this.own('mail');
    const host = `forward.${random.pick(['alumni', 'oldaddress', 'clubmail', 'members'])}-${random.hex(3)}.example`;
    const of = provider(given.at ?? random.pick(['hetzner', 'digitalocean', 'ec2'] as const));
    const addresses = given.addresses ?? this.site.internet.network(of, random.int(1, 2), random);
    if (!given.addresses) for (const ip of addresses) this.site.internet.put(ip, of, host);
    const srs = given.srs === undefined ? (random.chance(0.5) ? host : null) : given.srs;
    const flow = this.mail('forwarder', {
      ...given,
      addresses,
      envelope: srs ?? this.name,
      spf: srs === null ? random.pick(['fail', 'softfail']) : 'pass',
      dkim: given.dkim ?? [signer],
      truth: 'forwarded',
      what: 'forwarder',
      k: given.k ?? 4,
    });
    flow.reporters = new Map([[random.pick(this.domain.mix).reporter.dialect.org_name, 20]]);
    return flow;
  }

  /** A mailing list that keeps the author's From: its footer breaks the signature; its own SPF passes. */
  list(given: Volume & { host?: string; rewritesBody?: boolean; addresses?: readonly string[] }): Flow {
    const { random } = this;
    const host =
      given.host ??
      `${random.pick(['lists', 'mailman', 'groups'])}.${random.pick(['openharbor', 'fernwood', 'groveport'])}.example`;
    const of = provider(random.pick(['hetzner', 'digitalocean'] as const));
    const addresses = given.addresses ?? this.site.internet.network(of, 1, random);
    if (!given.addresses) for (const ip of addresses) this.site.internet.put(ip, of, host);
    const author = this.senders[0]?.dkim[0] ?? this.own('mail');
    return this.mail('mailing list', {
      ...given,
      addresses,
      envelope: host,
      dkim: [
        { ...author, result: given.rewritesBody === false ? 'pass' : 'fail' },
        ...(random.chance(0.6) ? [{ domain: host, selector: 'list', result: 'pass' }] : []),
      ],
      truth: 'forwarded',
      what: 'mailing_list',
      k: given.k ?? 3,
    });
  }

  /** Mail in the domain's name by strangers that fails both. */
  forged(
    given: Volume & {
      addresses: readonly string[];
      author?: string;
      envelope?: string;
      spf?: string;
      dkim?: readonly Signature[];
    },
  ): Flow {
    const { random } = this;
    const ours = given.envelope === undefined;
    return this.mail('forged', {
      weekend: 1,
      ...given,
      spf: given.spf ?? (ours ? random.pick(['fail', 'softfail']) : 'none'),
      truth: 'unauthorized',
      what: 'incident',
    });
  }

  /** The trickle of forged mail that every domain gets: each message from anywhere. */
  noise(mean = Math.min(3, logNormal(this.random, 0.7, 0.8)) * (this.domain.parked ? 0.15 : 1)): Flow {
    const addresses = this.site.internet.strangers(800, this.random);
    return this.mail('noise', {
      mean,
      addresses,
      spf: this.random.pick(['fail', 'softfail']),
      truth: 'unauthorized',
      what: 'noise',
      weekend: 1,
      k: 2,
    });
  }

  /** Makes a mechanism of a flow fail on part of its mail. */
  breaks(flow: Flow, given: Omit<Break, 'incident'>): Break {
    const one: Break = { ...given, incident: null };
    flow.breaks.push(one);
    return one;
  }

  /** One reporter, or all of them, say nothing of the domain on these report days. */
  silent(reporter: string | 'all', from: number, to: number, incident: Incident | null = null): void {
    for (const { reporter: one } of this.domain.mix) {
      const name = one.dialect.org_name;
      if (reporter === 'all' || reporter === name) this.reports('silent', name, { from, to }, { incident });
    }
  }

  /**
   * What a reporter does on these report days: `doubled` reports under two ids, `contradicts` its own
   * results, `forged` in its name by somebody else (`mismatched`: whose mail is authentic for a domain of his
   * own).
   */
  reports(
    what: ReporterEvent['what'],
    reporter: string,
    { from, to }: { from: number; to: number },
    { incident = null, mismatched = false }: { incident?: Incident | null; mismatched?: boolean } = {},
  ): void {
    this.domain.events.push({ what, reporter, from, to, incident: incident?.id ?? null, mismatched });
  }

  /** Publishes another policy on these report days. */
  publishes(change: Partial<PublishedPolicy>, from: number, to = this.site.days - 1): void {
    this.domain.policyChanges.push({ from, to, incident: null, ...change });
  }

  /**
   * Somebody runs `ruawatch senders approve` on the evening of a report day. `source`: a service, or a name.
   */
  approve(day: number, source: string): void {
    this.site.approval({ tick: day, domain: this.name, source });
  }

  /** A reporter of the domain's by its rank: 0 is the one that sees most. */
  reporter(rank: number): string {
    const ranked = [...this.domain.mix].sort((a, b) => b.share - a.share);
    return ranked[Math.min(rank, ranked.length - 1)]!.reporter.dialect.org_name;
  }

  /**
   * Says what a good alarm reports here. `about`: the flows that are it (all their mail on its days), or the
   * breaks; `reporter` for what is about one.
   */
  expect(expected: Expectation, about: { flows?: readonly Flow[]; breaks?: readonly Break[]; reporter?: string } = {}): Incident {
    const incident: Incident = {
      id: `${this.name}/${expected.what}/${expected.from}`,
      domain: this.name,
      type: expected.what,
      strength: '',
      begin: expected.from,
      end: Math.min(this.site.days - 1, expected.to),
      reporter: about.reporter ?? null,
      expected,
      messages: 0,
      delivered: 0,
      addresses: new Set(),
      seen: null,
      of: 0,
    };
    for (const flow of about.flows ?? []) flow.incident = { id: incident.id, from: incident.begin, to: incident.end };
    for (const one of about.breaks ?? []) one.incident = incident.id;
    this.site.incident(incident);
    return incident;
  }
}

const SERVICES = [
  'sendgrid',
  'mailgun',
  'ses',
  'mailchimp',
  'brevo',
  'mailjet',
  'postmark',
  'sparkpost',
  'zendesk',
  'hubspot',
  'salesforce',
] as const;
const canAlignSpf = (name: ProviderName) => provider(name).returnLabel !== undefined;
