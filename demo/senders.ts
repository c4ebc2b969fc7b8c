import type { OverrideReason } from '../services/report/model.ts';
import type { PublishedPolicy } from './report.ts';

/**
 * The first two domains of the demo; the others are in more.ts. Names and addresses are reserved ones (RFC
 * 2606, 5737, 2544, 3849): nothing here is a real party.
 */
export const BOOKS = 'kestrel-books.example';
export const PAY = 'kestrel-pay.example';

/**
 * The incidents, by the number of days before the last day on which each begins (0 = the last day itself).
 */
export const INCIDENT_STARTS = { spoofing_campaign: 5, misaligned_service: 11, broken_dkim_key: 8, policy_lowered: 4 } as const;
export type IncidentName = keyof typeof INCIDENT_STARTS;

/** A UTC day of the demo's weeks. */
export interface DemoDay {
  /** Days before the last one. */
  fromEnd: number;
  /** 0 is Sunday. */
  weekday: number;
}

/** Mail that leaves one set of addresses in one manner. */
export interface Flow {
  name: string;
  domain: string;
  addresses: readonly string[];
  /** How many messages all reporters together see that day, on average. */
  volume(day: DemoDay): number;
  /** Names it comes under, each as often as the others; absent: the domain itself. */
  header_from?: readonly string[];
  envelope_from: string;
  spf: { domain: string; result: string };
  dkim(day: DemoDay): { domain: string; selector: string; result: string }[];
  /** Factor on what a receiver sees of it, by the reporter's name; absent: 1. */
  seenBy?(submitter: string): number;
  /** Why a receiver lets mail pass that failed, by the reporter's name; absent: it does not. */
  override?(submitter: string): OverrideReason;
  /** The incident this mail is part of on that day. */
  incident?(day: DemoDay): string | null;
}

const weekend = (day: DemoDay): boolean => day.weekday === 0 || day.weekday === 6;
export const office =
  (weekdays: number, weekends: number) =>
  (day: DemoDay): number =>
    weekend(day) ? weekends : weekdays;
export const signed = (domain: string, selector: string, result = 'pass') => [{ domain, selector, result }];
export const range = (prefix: string, from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${from + i}`);

/** Sixty addresses in eight networks (IPv4 /24, IPv6 /48), none of which anybody else here sends from. */
const CAMPAIGN = [
  ...range('198.18.23.', 11, 9),
  ...range('198.18.90.', 130, 8),
  ...range('198.18.201.', 40, 8),
  ...range('198.19.7.', 201, 9),
  ...range('198.19.66.', 17, 7),
  ...range('198.19.143.', 90, 8),
  ...range('198.19.219.', 180, 6),
  ...range('2001:db8:bad:7::', 10, 5),
];
const CAMPAIGN_VOLUME = [420, 690, 880, 760, 540, 180];

interface Campaign {
  name: string;
  /** Of the campaign's mail. */
  share: number;
  envelope_from: string;
  /** The result of SPF. */
  result: string;
  /** Whether a forged signature of the domain is on the mail. */
  forged?: boolean;
}

function campaign({ name, share, envelope_from, result, forged = false }: Campaign): Flow {
  return {
    name,
    domain: BOOKS,
    addresses: CAMPAIGN,
    volume: ({ fromEnd }) => (CAMPAIGN_VOLUME[fromEnd] ?? 0) * share,
    envelope_from,
    spf: { domain: envelope_from, result },
    dkim: () => (forged ? signed(BOOKS, 'default', 'fail') : []),
    incident: () => 'spoofing_campaign',
  };
}

/** Most mailboxes behind a forwarder are at one receiver. */
const mostlyAt = (receiver: string) => (submitter: string) => (submitter === receiver ? 2 : 0.2);

/** A forwarder that keeps the envelope sender: SPF fails at the next hop, the signature survives. */
function plainForwarder(domain: string, address: string, selector: string, volume: number): Flow {
  return {
    name: `forwarder ${address}`,
    domain,
    addresses: [address],
    volume: office(volume, volume / 3),
    envelope_from: domain,
    spf: { domain, result: 'fail' },
    seenBy: mostlyAt('google.com'),
    dkim: () => signed(domain, selector),
  };
}

/**
 * A forwarder that rewrites the envelope sender (SRS): SPF passes for the forwarder, the signature survives.
 */
function srsForwarder(domain: string, selector: string, volume: number): Flow {
  const forwarder = 'srs.alumni-forward.example';
  return {
    name: `forwarder ${forwarder}`,
    domain,
    addresses: ['203.0.113.90'],
    volume: office(volume, volume / 3),
    envelope_from: forwarder,
    spf: { domain: forwarder, result: 'pass' },
    seenBy: mostlyAt('google.com'),
    dkim: () => signed(domain, selector),
  };
}

/** Everything that sends as the two domains. */
export const FLOWS: readonly Flow[] = [
  {
    name: 'own servers',
    domain: BOOKS,
    addresses: ['192.0.2.25', '192.0.2.26', '2001:db8:10::25'],
    volume: office(620, 140),
    envelope_from: BOOKS,
    spf: { domain: BOOKS, result: 'pass' },
    dkim: () => signed(BOOKS, 'mta1'),
  },
  {
    // The key behind this selector is replaced at the service but not in DNS: every signature fails from that
    // day on.
    name: 'lettercraft, newsletters',
    domain: BOOKS,
    addresses: range('198.51.100.', 40, 6),
    volume: (day) => (day.weekday === 2 || day.weekday === 4 ? 2400 : weekend(day) ? 300 : 520),
    envelope_from: 'bounce.lettercraft.example',
    spf: { domain: 'bounce.lettercraft.example', result: 'pass' },
    dkim: ({ fromEnd }) => signed(BOOKS, 'lc2', fromEnd > INCIDENT_STARTS.broken_dkim_key ? 'pass' : 'fail'),
    incident: ({ fromEnd }) => (fromEnd > INCIDENT_STARTS.broken_dkim_key ? null : 'broken_dkim_key'),
  },
  plainForwarder(BOOKS, '203.0.113.77', 'mta1', 14),
  srsForwarder(BOOKS, 'mta1', 18),
  {
    // The footer the list adds breaks the author's signature; receivers that know lists let the mail pass.
    name: 'mailing list',
    domain: BOOKS,
    addresses: ['203.0.113.110'],
    volume: office(24, 8),
    envelope_from: 'lists.groveport.example',
    spf: { domain: 'lists.groveport.example', result: 'pass' },
    dkim: () => [...signed(BOOKS, 'mta1', 'fail'), ...signed('lists.groveport.example', 'list')],
    override: (submitter) =>
      submitter === 'google.com'
        ? { type: 'local_policy', comment: 'arc=pass' }
        : submitter === 'fastmail.com'
          ? { type: 'forwarded', comment: null }
          : { type: 'mailing_list', comment: 'known mailing list' },
  },
  campaign({ name: 'campaign, own envelope', share: 0.6, envelope_from: BOOKS, result: 'fail' }),
  campaign({ name: 'campaign, forged signature', share: 0.15, envelope_from: BOOKS, result: 'fail', forged: true }),
  campaign({ name: 'campaign, throw-away envelope', share: 0.25, envelope_from: 'promo-drop.example', result: 'none' }),
  {
    name: 'own servers',
    domain: PAY,
    addresses: ['192.0.2.40', '192.0.2.41'],
    volume: office(380, 90),
    envelope_from: PAY,
    spf: { domain: PAY, result: 'pass' },
    dkim: () => signed(PAY, 'mta1'),
  },
  {
    name: 'ledgermail, receipts',
    domain: PAY,
    addresses: range('198.51.100.', 80, 4),
    volume: office(1300, 820),
    envelope_from: 'bounce.ledgermail.example',
    spf: { domain: 'bounce.ledgermail.example', result: 'pass' },
    dkim: () => signed(PAY, 'lm1'),
  },
  plainForwarder(PAY, '203.0.113.77', 'lm1', 9),
  srsForwarder(PAY, 'lm1', 11),
  {
    name: 'postbird, not set up for the domain',
    domain: PAY,
    addresses: range('203.0.113.', 40, 5),
    volume: (day) => (day.fromEnd > INCIDENT_STARTS.misaligned_service ? 0 : weekend(day) ? 240 : 430),
    envelope_from: 'bounce.postbird.example',
    spf: { domain: 'bounce.postbird.example', result: 'pass' },
    dkim: () => signed('postbird.example', 'pb1'),
    incident: () => 'misaligned_service',
  },
];

/**
 * The DMARC record that day. `kestrel-pay.example` never published `sp`, which reporters spell in five ways.
 */
export function publishedPolicy(domain: string, { fromEnd }: DemoDay): PublishedPolicy {
  if (domain === BOOKS) return { p: 'reject', sp: 'reject', adkim: 'r', aspf: 'r' };
  return { p: fromEnd > INCIDENT_STARTS.policy_lowered ? 'reject' : 'none', sp: null, adkim: 'r', aspf: 'r' };
}
