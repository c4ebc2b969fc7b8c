import type { Db } from '../../services/shared/runtime/db.ts';
import type { Calendar } from '../calendar.ts';

/** A report as a peer has it in its tables: no peer asks who wrote it. */
export interface PeerReport {
  domain: string;
  /** The tick at which it was there. */
  tick: number;
  /** Report day. */
  day: number;
  p: string | null;
  passed: number;
  failed: number;
  addresses: { address: string; messages: number }[];
}

/**
 * All current reports, in order of arrival. Duplicates are removed and alignment is ours, which is more than
 * some peers have.
 */
export async function peerReports(db: Db, calendar: Calendar): Promise<PeerReport[]> {
  const { rows } = await db.query<{
    domain: string;
    day: string;
    received_at: Date;
    p: string | null;
    passed: number;
    failed: number;
    addresses: string[];
    counts: number[];
  }>(
    `select p.domain, (p.begin_at at time zone 'UTC')::date as day, p.received_at, p.policy_p as p,
            coalesce(sum(r.count) filter (where r.dmarc_pass), 0) as passed,
            coalesce(sum(r.count) filter (where not r.dmarc_pass), 0) as failed,
            array_agg(host(r.source_ip) order by r.n) as addresses, array_agg(r.count order by r.n) as counts
       from dmarc.reports p join dmarc.records r on r.report_key = p.report_key and r.begin_at = p.begin_at
      group by p.report_key, p.domain, p.begin_at, p.received_at, p.policy_p
      order by p.received_at, p.report_key`,
  );
  return rows.map(({ domain, day, received_at, p, passed, failed, addresses, counts }) => ({
    domain,
    tick: calendar.tickOf(received_at.getTime() / 1000),
    day: calendar.dayOf(day),
    p,
    passed,
    failed,
    addresses: addresses.map((address, i) => ({ address, messages: Number(counts[i]) })),
  }));
}

export interface DayTotal {
  day: number;
  passed: number;
  failed: number;
  addresses: Set<string>;
}

/** A domain at a tick, as a rule that looks once a day sees it. */
export interface Look {
  domain: string;
  tick: number;
  /** Reports that came since the last tick, in order. */
  arrived: readonly PeerReport[];
  /** All before, the newest last. */
  earlier: readonly PeerReport[];
  /** By day, of all that is there, the newest first. */
  days: readonly DayTotal[];
  /** Messages by address before this tick's reports. */
  known: ReadonlyMap<string, number>;
}

/** Walks each domain through the ticks. What it yields holds until the next is asked for. */
export function* looks(reports: readonly PeerReport[], domains: readonly string[], ticks: number): Generator<Look> {
  for (const domain of domains) {
    const own = reports.filter((report) => report.domain === domain);
    const totals = new Map<number, DayTotal>();
    const known = new Map<string, number>();
    let at = 0;
    for (let tick = 1; tick <= ticks; tick++) {
      const from = at;
      while (at < own.length && own[at]!.tick <= tick) at++;
      const arrived = own.slice(from, at);
      for (const report of arrived) add(totals, report);
      const days = [...totals.values()].sort((a, b) => b.day - a.day);
      yield { domain, tick, arrived, earlier: own.slice(0, from), days, known };
      for (const { address, messages } of arrived.flatMap((report) => report.addresses)) {
        known.set(address, (known.get(address) ?? 0) + messages);
      }
    }
  }
}

function add(totals: Map<number, DayTotal>, report: PeerReport): void {
  const total = totals.get(report.day) ?? { day: report.day, passed: 0, failed: 0, addresses: new Set<string>() };
  total.passed += report.passed;
  total.failed += report.failed;
  for (const { address } of report.addresses) total.addresses.add(address);
  totals.set(report.day, total);
}

/** Part that passes; null without messages. */
export function passRate(days: readonly { passed: number; failed: number }[]): number | null {
  const passed = days.reduce((n, day) => n + day.passed, 0);
  const all = days.reduce((n, day) => n + day.passed + day.failed, 0);
  return all === 0 ? null : passed / all;
}
