import type { Random } from '../demo/random.ts';
import { logNormal } from './draws.ts';
import type { Flow } from './model.ts';

/**
 * Mail services: bounce domain and own signing domain. The first are well-known ones in the shapes their
 * documentation gives, as a catalogue of senders may know them; the others nobody knows. Addresses are all of
 * 240.0.0.0/4 (RFC 1112 section 4), so nobody's.
 */
const SERVICES: readonly { name: string; bounce: string; signer: string }[] = [
  { name: 'sendgrid', bounce: 'sendgrid.net', signer: 'sendgrid.net' },
  { name: 'mailgun', bounce: 'mailgun.org', signer: 'mailgun.org' },
  { name: 'amazonses', bounce: 'eu-west-1.amazonses.com', signer: 'amazonses.com' },
  { name: 'mailchimp', bounce: 'mail142.atl81.rsgsv.net', signer: 'mcsv.net' },
  { name: 'sparkpost', bounce: 'mail.sparkpostmail.com', signer: 'sparkpostmail.com' },
  { name: 'zendesk', bounce: 'pod18.zendesk.com', signer: 'zendesk.com' },
  { name: 'hubspot', bounce: 'bf04.hubspotemail.net', signer: 'hubspotemail.net' },
  { name: 'marketo', bounce: 'em-sj-77.mktomail.com', signer: 'mktomail.com' },
  { name: 'lettercraft', bounce: 'bounce.lettercraft.example', signer: 'lettercraft.example' },
  { name: 'postbird', bounce: 'bounce.postbird.example', signer: 'postbird.example' },
  { name: 'ledgermail', bounce: 'return.ledgermail.example', signer: 'ledgermail.example' },
  { name: 'ticketdesk', bounce: 'out.ticketdesk.example', signer: 'ticketdesk.example' },
  { name: 'hirehub', bounce: 'mta.hirehub.example', signer: 'hirehub.example' },
  { name: 'surveyfox', bounce: 'sf.surveyfox.example', signer: 'surveyfox.example' },
];
const LISTS = ['lists.groveport.example', 'lists.open-harbor.example', 'mailman.fernwood.example'];
const FORWARDERS = ['srs.alumni-forward.example', 'fwd.meadowmail.example', 'relay.oldaddress.example'];

/** Gives out addresses and services so that no two streams of a domain share any. */
export class Pool {
  readonly #random: Random;
  readonly #networks = new Set<string>();
  readonly #services: { name: string; bounce: string; signer: string }[];

  constructor(random: Random) {
    this.#random = random.fork('pool');
    this.#services = this.#random.shuffle(SERVICES);
  }

  /** `count` addresses in one IPv4 /24 that nobody else has. */
  network(count: number): string[] {
    let prefix: string;
    do prefix = address(this.#random).replace(/\d+$/, '');
    while (this.#networks.has(prefix));
    this.#networks.add(prefix);
    const first = this.#random.int(1, Math.max(1, 250 - count));
    return Array.from({ length: count }, (_, i) => `${prefix}${first + i}`);
  }

  service(): { name: string; bounce: string; signer: string } {
    const service = this.#services.pop();
    if (!service) throw new Error('The model has more services in a domain than it knows names.');
    return service;
  }
}

/** An address anywhere in 240.0.0.0/4. */
export function address(random: Random): string {
  return `${random.int(240, 254)}.${random.int(0, 255)}.${random.int(0, 255)}.${random.int(1, 254)}`;
}

export const always = (): number => 1;
export const between =
  (from: number, to: number, factor = 1, otherwise = 0) =>
  (day: number): number =>
    day >= from && day <= to ? factor : otherwise;

export interface Habit {
  mean: number;
  k: number;
  weekend: number;
  growth: number;
  active: (day: number) => number;
}

const QUIET: Pick<Flow, 'reporters' | 'breaks' | 'incident'> = { reporters: new Map(), breaks: [], incident: null };

/** A domain, the addresses that its senders get, and where their chances come from. */
export interface Place {
  pool: Pool;
  domain: string;
  random: Random;
}

/** The domain's own servers: SPF and DKIM aligned. */
export function ownServers({ pool, domain, random }: Place, habit: Habit): Flow {
  return {
    ...QUIET,
    ...habit,
    id: 'own servers',
    what: 'own',
    truth: 'authorized',
    addresses: pool.network(random.int(2, 4)),
    header_from: domain,
    envelope_from: domain,
    spf: { domain, result: 'pass' },
    dkim: [{ domain, selector: 'mta1', result: 'pass' }],
    breaks: [],
  };
}

/** A mail service; `how` says what of it is aligned. */
export function service(
  { pool, domain, random }: Place,
  how: 'service_dkim' | 'service_spf' | 'service_both' | 'service_unaligned' | 'campaign',
  habit: Habit,
): Flow {
  const { name, bounce, signer } = pool.service();
  const returnPath = how === 'service_spf' || how === 'service_both' ? `bounce.${domain}` : bounce;
  const foreign = { domain: signer, selector: 's1', result: 'pass' };
  // By its whole name: two services cannot publish their keys under one selector.
  const own = { domain, selector: `${name}1`, result: 'pass' };
  return {
    ...QUIET,
    ...habit,
    id: name,
    what: how,
    truth: how === 'service_unaligned' ? 'misaligned' : 'authorized',
    addresses: pool.network(random.int(2, 6)),
    header_from: domain,
    envelope_from: returnPath,
    spf: { domain: returnPath, result: 'pass' },
    dkim: how === 'service_spf' || how === 'service_unaligned' ? [foreign] : random.chance(0.5) ? [own, foreign] : [own],
    breaks: [],
  };
}

/**
 * A forwarder: SPF breaks, or passes for the forwarder that rewrites the envelope (SRS); the signature
 * survives. Most of it ends at one receiver.
 */
export function forwarder({ pool, domain, random }: Place, habit: Habit, target: string, n: number): Flow {
  const srs = random.chance(0.4) ? FORWARDERS[n % FORWARDERS.length]! : null;
  return {
    ...QUIET,
    ...habit,
    id: `forwarder ${n}`,
    what: 'forwarder',
    truth: 'forwarded',
    addresses: pool.network(1),
    header_from: domain,
    envelope_from: srs ?? domain,
    spf: srs === null ? { domain, result: random.pick(['fail', 'softfail']) } : { domain: srs, result: 'pass' },
    dkim: [{ domain, selector: 'mta1', result: 'pass' }],
    reporters: new Map([[target, 20]]),
    breaks: [],
  };
}

/** A mailing list: its footer breaks the author's signature, its own SPF and signature pass. */
export function mailingList({ pool, domain, random }: Place, habit: Habit): Flow {
  const list = random.pick(LISTS);
  return {
    ...QUIET,
    ...habit,
    id: 'mailing list',
    what: 'mailing_list',
    truth: 'forwarded',
    addresses: pool.network(1),
    header_from: domain,
    envelope_from: list,
    spf: { domain: list, result: 'pass' },
    dkim: [
      { domain, selector: 'mta1', result: 'fail' },
      { domain: list, selector: 'list', result: 'pass' },
    ],
    breaks: [],
  };
}

/** The trickle of forged mail that every domain gets: each message from anywhere. */
export function noise(domain: string, random: Random, parked: boolean): Flow {
  return {
    ...QUIET,
    id: 'noise',
    what: 'noise',
    truth: 'unauthorized',
    addresses: [],
    header_from: domain,
    envelope_from: domain,
    spf: { domain, result: random.pick(['fail', 'softfail']) },
    dkim: [],
    // What nobody has heard of is forged less.
    mean: Math.min(3, logNormal(random, 0.7, 0.8)) * (parked ? 0.1 : 1),
    k: 2,
    weekend: 1,
    growth: 0,
    active: always,
    breaks: [],
  };
}
