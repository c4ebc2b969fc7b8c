import { DAY_MS } from '../../shared/days.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import { foreignDomains } from '../domains/domains.ts';
import { type Unread, unreadSince } from '../messages/unread.ts';
import { type VerifiedShare, verifiedShare } from '../reports/verified-share.ts';
import { type DomainDns, loadDomainDns } from './digest-dns.ts';
import * as digests from './digests.ts';
import { loadRequestWeek, type RequestWeek } from './request-week.ts';

/**
 * Reports of a day come in until the second day after it: the week of a digest ends so many days before it.
 */
const SETTLED_DAYS = 2;
const MOST_FINDINGS = 10;
const MOST_SOURCES = 5;
const MOST_CHANGES = 4;

/** Which digest is made. */
export interface WeekOf {
  domains: readonly string[];
  /**
   * Whether its readers run the installation: they also read about the reading of reports, and about others'
   * domains.
   */
  operator: boolean;
  /** When it is due, and until when findings are listed. */
  moment: Date;
  until: Date;
  /** Findings are listed since then. */
  since: Date;
}

/** All that a digest says, as data. */
export interface LoadedWeek extends digests.WeekFindings {
  days: { before: string; from: string; to: string };
  since: Date;
  until: Date;
  /** Domains that are not the reader's and were reported on. */
  foreign: number;
  /** Null for those who do not run the installation. */
  reading: { unread: Unread; verified: VerifiedShare } | null;
  requests: RequestWeek | null;
  domains: (digests.DomainWeek & { dns?: DomainDns })[];
}

/**
 * Loads a digest: the seven report days that end two days before its moment, and the findings since the one
 * before.
 */
export async function loadWeek(tx: Tx, { domains, operator, moment, since, until }: WeekOf): Promise<LoadedWeek> {
  const day = (n: number) => new Date(moment.getTime() - n * DAY_MS).toISOString().slice(0, 10);
  const days = { before: day(SETTLED_DAYS + 13), from: day(SETTLED_DAYS + 6), to: day(SETTLED_DAYS) };
  const theirs = operator ? [...domains, '*'] : [...domains];
  const weeks = await digests.loadDomainWeeks(tx, [...domains], days, MOST_SOURCES);
  const dns = await loadDomainDns(tx, { domains: [...domains], since, until, listed: MOST_CHANGES });
  return {
    days,
    since,
    until,
    foreign: operator ? (await foreignDomains(tx, { since, limit: 1 })).count : 0,
    reading: operator ? { unread: await unreadSince(tx, since), verified: await verifiedShare(tx, since) } : null,
    requests: await loadRequestWeek(tx, { domains: theirs, since, until }),
    domains: weeks.map((one) => ({ ...one, ...(dns.has(one.domain) && { dns: dns.get(one.domain)! }) })),
    ...(await digests.loadWeekFindings(tx, { domains: theirs, since, until, listed: MOST_FINDINGS })),
  };
}
