import type { PublishedPolicy } from './report.ts';
import { type DemoDay, type Flow, office, range, signed } from './senders.ts';

/**
 * The two further domains that `demo` shows beside the first two, so that every kind of finding is seen and
 * none hides another.
 */
export const CLUB = 'kestrel-club.example';
export const PRESS = 'kestrel-press.example';

/** As INCIDENT_STARTS; `ready_for_more` holds as long as anything is reported. */
export const MORE_STARTS = {
  forged_subdomains: 4,
  new_service: 6,
  queue_run_wild: 1,
  silent_reporter: 11,
  contradicting_reporter: 4,
  forged_reports: 2,
} as const;
export type MoreIncident = keyof typeof MORE_STARTS;

/**
 * The reporter that falls silent about PRESS, the one whose verdicts go wrong there, and the one in whose
 * name reports are forged.
 */
const SILENT = 'gmx.net';
const CONTRADICTING = 'mail.ru';
export const FORGED = 'google.com';
/** Who writes the forged reports. */
export const FORGER = 'google-dmarc-reports.example';

/** The DMARC records of the two, which never change. The club's leaves its subdomains open. */
export const MORE_POLICIES: Readonly<Record<string, PublishedPolicy>> = {
  [CLUB]: { p: 'reject', sp: 'none', adkim: 'r', aspf: 'r' },
  [PRESS]: { p: 'none', sp: null, adkim: 'r', aspf: 'r' },
};

/** Whether a reporter reports on a domain that day at all. */
export function reportsOn(domain: string, submitter: string, { fromEnd }: DemoDay): boolean {
  return domain !== PRESS || submitter !== SILENT || fromEnd > MORE_STARTS.silent_reporter;
}

/** Whether it calls failing what passes by its own results. */
export function contradicts(domain: string, submitter: string, { fromEnd }: DemoDay): boolean {
  return domain === PRESS && submitter === CONTRADICTING && fromEnd <= MORE_STARTS.contradicting_reporter;
}

/** Names that nobody uses, and one that the club's own mail comes from. */
const NAMES = ['billing', 'login', 'secure-pay', 'support', 'members'].map((label) => `${label}.${CLUB}`);

export const MORE_FLOWS: readonly Flow[] = [
  {
    name: 'own servers',
    domain: CLUB,
    addresses: ['192.0.2.60', '192.0.2.61'],
    volume: (day) => (day.fromEnd <= MORE_STARTS.queue_run_wild ? 16_000 : office(520, 180)(day)),
    envelope_from: CLUB,
    spf: { domain: CLUB, result: 'pass' },
    dkim: () => signed(CLUB, 'mta1'),
    incident: ({ fromEnd }) => (fromEnd <= MORE_STARTS.queue_run_wild ? 'queue_run_wild' : null),
  },
  {
    name: 'news of the club',
    domain: CLUB,
    header_from: [`news.${CLUB}`],
    addresses: ['192.0.2.62'],
    volume: office(90, 30),
    envelope_from: `news.${CLUB}`,
    spf: { domain: `news.${CLUB}`, result: 'pass' },
    dkim: () => signed(CLUB, 'mta1'),
  },
  {
    name: 'tickethall, new this week',
    domain: CLUB,
    addresses: range('203.0.113.', 140, 3),
    volume: ({ fromEnd }) => (fromEnd <= MORE_STARTS.new_service ? 130 : 0),
    envelope_from: 'bounce.tickethall.example',
    spf: { domain: 'bounce.tickethall.example', result: 'pass' },
    dkim: () => signed(CLUB, 'th1'),
    incident: () => 'new_service',
  },
  {
    name: 'forged names below the domain',
    domain: CLUB,
    header_from: NAMES,
    addresses: [...range('198.18.61.', 20, 5), ...range('198.19.12.', 70, 4)],
    volume: ({ fromEnd }) => (fromEnd <= MORE_STARTS.forged_subdomains ? 160 : 0),
    envelope_from: 'promo-drop.example',
    spf: { domain: 'promo-drop.example', result: 'none' },
    dkim: () => [],
    incident: () => 'forged_subdomains',
  },
  {
    name: 'own servers',
    domain: PRESS,
    addresses: ['192.0.2.80', '192.0.2.81'],
    volume: office(430, 160),
    envelope_from: PRESS,
    spf: { domain: PRESS, result: 'pass' },
    dkim: () => signed(PRESS, 'mta1'),
  },
  {
    name: 'presswire, announcements',
    domain: PRESS,
    addresses: range('203.0.113.', 180, 3),
    volume: office(340, 120),
    envelope_from: 'bounce.presswire.example',
    spf: { domain: 'bounce.presswire.example', result: 'pass' },
    dkim: () => signed(PRESS, 'pw1'),
  },
];
