import type { Queryable } from '../shared/runtime/db.ts';
import { isOwnSql } from './domains/domains.ts';

/** The state of an installation in numbers, for metrics that people alert on. */
export interface Gauges {
  /** Mails that wait to be parsed, and since when the oldest has, in seconds. */
  waiting: () => Promise<{ mails: number; oldest: number }>;
  /** Alerts that are not sent yet. */
  outbox: () => Promise<number>;
  /** Open findings by severity. */
  findings: () => Promise<{ severity: string; n: number }[]>;
  /** When the newest report about an own domain came from a reporter, in Unix seconds. */
  lastReports: () => Promise<{ domain: string; reporter: string; at: number }[]>;
}

/** Own domains and reporters with a series of their own; the newest first. */
const MOST_SERIES = 500;

/** The questions behind the gauges; each fails alone, since a service's role may not read everything. */
export function gaugesOf(q: Queryable): Gauges {
  return {
    async waiting() {
      const { rows } = await q.query<{ mails: number; oldest: number }>(
        `select count(*)::int as mails, coalesce(extract(epoch from now() - min(received_at)), 0)::float8 as oldest
           from ruawatch.messages where state = 'received'`,
      );
      return rows[0]!;
    },
    async outbox() {
      const { rows } = await q.query<{ n: number }>("select count(*)::int as n from ruawatch.outbox where state = 'pending'");
      return rows[0]!.n;
    },
    async findings() {
      const { rows } = await q.query<{ severity: string; n: number }>(
        "select severity, count(*)::int as n from ruawatch.findings where state = 'open' group by severity",
      );
      return rows;
    },
    async lastReports() {
      const { rows } = await q.query<{ domain: string; reporter: string; at: number }>(
        `select domain, reporter, extract(epoch from max(received_at))::float8 as at
           from ruawatch.reports r
          where begin_at >= now() - interval '14 days' and trust = 'ok' and ${isOwnSql('r.domain')}
          group by domain, reporter order by 3 desc limit ${MOST_SERIES}`,
      );
      return rows;
    },
  };
}
