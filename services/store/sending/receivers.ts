import { reporterOfMailbox } from '../../report/reporters/mailboxes.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import { isOwnSql } from '../domains/domains.ts';
import type { ReceiverDays } from './judged.ts';

/** Recipient domains that are looked at, the largest, and messages that make one worth it. */
const MOST = 200;
const LEAST = 500;
/** Of the days that a reporter reports on, this part is reported on within its usual delay. */
const ON_TIME = 0.95;
/** Days of reports that habits are made of. */
const HABIT_DAYS = 60;

/**
 * Loads what the mailboxes of reporters got by the logs, and when these reporters last reported.
 * @param names those that the logs show mail of
 * @param from the first day of mail, YYYY-MM-DD
 * @returns only reporters that have reported on an own domain
 */
export async function loadReceivers(tx: Tx, domain: string, names: readonly string[], from: string): Promise<ReceiverDays[]> {
  const { rows: got } = await tx.query<{ recipient_domain: string; day: string; delivered: number }>(
    `with totals as (
       select r.recipient_domain from ruawatch.sending_day_recipients r
        where r.domain = any($1::text[]) and r.day >= $2::date and r.recipient_domain <> ''
        group by 1 having sum(r.sent) >= ${LEAST} order by sum(r.sent) desc limit ${MOST})
     select r.recipient_domain, r.day, sum(r.sent)::bigint as delivered
       from ruawatch.sending_day_recipients r join totals using (recipient_domain)
      where r.domain = any($1::text[]) and r.day >= $2::date and r.sent > 0
      group by 1, 2`,
    [names, from],
  );
  const receivers = new Map<string, { boxes: Map<string, number>; days: Map<string, number> }>();
  for (const { recipient_domain: box, day, delivered } of got) {
    const reporter = reporterOfMailbox(box);
    const one = receivers.get(reporter) ?? { boxes: new Map(), days: new Map() };
    one.boxes.set(box, (one.boxes.get(box) ?? 0) + delivered);
    one.days.set(day, (one.days.get(day) ?? 0) + delivered);
    receivers.set(reporter, one);
  }
  const habits = await loadHabits(tx, domain, [...receivers.keys()], from);
  return habits.map((habit) => {
    const { boxes, days } = receivers.get(habit.reporter)!;
    return {
      ...habit,
      mailboxes: [...boxes].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([box]) => box),
      days: [...days].map(([day, delivered]) => ({ day, delivered })),
    };
  });
}

type Habit = Pick<ReceiverDays, 'reporter' | 'last_here' | 'last_elsewhere' | 'usual_delay'>;

/** SQL: the reports of `g.reporter` on a domain that count. */
const reportsOn = (domain: string) => `
  from ruawatch.reports p
 where p.domain = ${domain} and p.reporter = g.reporter and p.trust = 'ok' and p.superseded_by is null
   and p.begin_at >= ($3::date - ${HABIT_DAYS})::timestamp at time zone 'UTC'`;

async function loadHabits(tx: Tx, domain: string, reporters: readonly string[], from: string): Promise<Habit[]> {
  if (reporters.length === 0) return [];
  const { rows } = await tx.query<Habit>(
    `select g.reporter, here.last_here, others.last_elsewhere, greatest(here.late, others.late) as usual_delay
       from unnest($2::text[]) as g(reporter)
      cross join lateral (
        select max((p.begin_at at time zone 'UTC')::date) as last_here,
               percentile_disc(${ON_TIME}) within group (order by ${LATE})::int as late ${reportsOn('$1')}) here
      cross join lateral (
        select max(one.last) as last_elsewhere, max(one.late) as late
          from (select d.domain from ruawatch.domain_reporters d
                 where d.reporter = g.reporter and d.domain <> $1 and ${isOwnSql('d.domain')} order by d.domain limit 50) d
         cross join lateral (
           select max((p.begin_at at time zone 'UTC')::date) as last,
                  percentile_disc(${ON_TIME}) within group (order by ${LATE})::int as late ${reportsOn('d.domain')}) one) others
      where here.last_here is not null or others.last_elsewhere is not null
      order by g.reporter`,
    [domain, reporters, from],
  );
  return rows;
}

/** SQL: days that a report came later than the morning after its day. */
const LATE = "greatest(0, (p.received_at at time zone 'UTC')::date - (p.begin_at at time zone 'UTC')::date - 1)";
