import type { Queryable } from '../shared/runtime/db.ts';
import { isOwnSql } from './domains/domains.ts';
import type { HeldState } from './held/held.ts';

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
  /** Held mails. */
  held: () => Promise<HeldGauges>;
}

export interface HeldGauges {
  states: { state: HeldState; mails: number }[];
  /** Age of the oldest that waits for a decision, in seconds; 0 when none does. */
  oldest: number;
  /**
   * Seconds from hold to decision of those decided in the last 30 days: the median, and 19 of 20; null when
   * there was none.
   */
  decided: { median: number; most: number } | null;
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
    async held() {
      const { rows: states } = await q.query<{ state: HeldState; mails: number; oldest: number }>(
        `select state, count(*)::int as mails, greatest(extract(epoch from now() - min(held_at)), 0)::float8 as oldest
           from ruawatch.held_messages group by state`,
      );
      const { rows: decided } = await q.query<{ seconds: [number, number] | null }>(
        `select percentile_cont(array[0.5, 0.95]) within group (order by extract(epoch from decided_at - held_at)::float8) as seconds
           from ruawatch.held_messages where decided_at > now() - interval '30 days'`,
      );
      const seconds = decided[0]?.seconds ?? null;
      return {
        states,
        oldest: states.find(({ state }) => state === 'held')?.oldest ?? 0,
        decided: seconds === null ? null : { median: seconds[0], most: seconds[1] },
      };
    },
  };
}
