import type { SendingWindow } from '../../services/analyzer/rules/window.ts';
import type { DeclaredSender, DeclaredSenders } from '../../services/dns/guard/senders.ts';
import type { Published } from '../../services/store/dns/published.ts';
import type { EgressDay, ReceiverDays, SentDay, VerifiedDay } from '../../services/store/sending/judged.ts';
import { DOMAIN } from './rows.ts';

/** A Friday, in the afternoon. */
export const NOW = new Date('2026-05-29T14:00:00Z');

/** A moment so many hours before NOW. */
export const hoursAgo = (n: number): Date => new Date(NOW.getTime() - n * 3_600_000);

const SHOP = { cluster: 'eu-1', environment: 'production', workload: 'shop' };
/** The subject of findings about SHOP. */
export const SHOP_KEY = 'eu-1/production/shop';

/**
 * Messages of the shop that began between two times, in hours before NOW, on the day of the first; the key is
 * s1 unless another is named, '' for unsigned mail.
 */
export function sent(messages: number, from: number, to: number, more: Partial<SentDay> = {}): SentDay {
  const selector = more.selector ?? 's1';
  return {
    ...SHOP,
    domain: DOMAIN,
    selector,
    signing_domain: selector === '' ? '' : DOMAIN,
    day: hoursAgo(from).toISOString().slice(0, 10),
    messages,
    refused_dmarc: 0,
    first_at: hoursAgo(from),
    last_at: hoursAgo(to),
    ...more,
  };
}

export const unsigned = (messages: number, from: number, to: number, more: Partial<SentDay> = {}): SentDay =>
  sent(messages, from, to, { ...more, selector: '' });

/** A week of signed mail until so many hours ago. */
export const signedUntil = (hours: number, more: Partial<SentDay> = {}): SentDay[] =>
  Array.from({ length: 7 }, (_, n) => {
    const begin = 14 + 24 * n;
    return sent(500, begin, Math.max(n === 0 ? hours : 0, begin - 13.9), more);
  });

export function sendingOf(days: readonly SentDay[], more: Partial<SendingWindow> = {}): SendingWindow {
  return {
    domain: DOMAIN,
    now: NOW,
    days,
    verified: [],
    refusals: new Map(),
    receivers: [],
    egress: [],
    declared: null,
    published: null,
    known: [],
    ...more,
  };
}

/** A file that declares the shop for the domain, and what else is named as `environment/workload domain`. */
export function declares(...more: (string | DeclaredSender)[]): DeclaredSenders {
  const one = (text: string | DeclaredSender): DeclaredSender => {
    if (typeof text !== 'string') return text;
    const [, environment, workload, domain] = /^(\S+)\/(\S+) (\S+)$/.exec(text)!;
    return { environment: environment!, workload: workload!, domain: domain!, envelope_from: domain!, signs: true };
  };
  return { reference: 'production', senders: [`production/shop ${DOMAIN}`, ...more].map(one) };
}

/**
 * What the watcher has of a TXT record: null for one that is absent, undefined for an answer that did not
 * come.
 */
export function answered(name: string, value: string | null | undefined, at: Date, gone: Date | null = null): Published {
  const state = value === undefined ? 'unknown' : value === null || gone !== null ? 'absent' : 'records';
  const record = { name, type: 'TXT', purpose: 'dkim' as const, value: value ?? '', first_seen: hoursAgo(900), gone_at: gone };
  return {
    records: value == null ? [] : [record],
    questions: [{ name, type: 'TXT', purpose: 'dkim', state, differ_since: null, answers: [], answered_at: at }],
    servers: [],
  };
}

export function verified(passed: number, failed: number, hours: number, more: Partial<VerifiedDay> = {}): VerifiedDay {
  return {
    ...SHOP,
    selector: 's1',
    signing_domain: DOMAIN,
    day: hoursAgo(hours).toISOString().slice(0, 10),
    passed,
    failed,
    first_failed_at: failed === 0 ? null : hoursAgo(hours),
    last_failed_at: failed === 0 ? null : hoursAgo(hours - 0.5),
    ...more,
  };
}

/** What gmx.net's mailboxes got on the last days, yesterday first, and its reports. */
export function received(delivered: readonly number[], more: Partial<ReceiverDays> = {}): ReceiverDays {
  return {
    reporter: 'gmx.net',
    mailboxes: ['gmx.de', 'gmx.net'],
    days: delivered.map((n, i) => ({
      day: hoursAgo(24 * (i + 1))
        .toISOString()
        .slice(0, 10),
      delivered: n,
    })),
    last_here: null,
    last_elsewhere: hoursAgo(48).toISOString().slice(0, 10),
    usual_delay: 1,
    ...more,
  };
}

export function egress(days: number, more: Partial<EgressDay> = {}): EgressDay {
  return {
    address: '192.0.2.10',
    network: '192.0.2.0/28',
    log_sources: ['eu-1'],
    day: hoursAgo(24 * days)
      .toISOString()
      .slice(0, 10),
    reported: 400,
    passed: 380,
    logged: 0,
    complete: true,
    ...more,
  };
}
