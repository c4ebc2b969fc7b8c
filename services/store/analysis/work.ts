import type { Db, Queryable, Tx } from '../../shared/runtime/db.ts';

/** The order in which the work of a domain is taken. First: unauthenticated mail that was delivered. */
export const URGENT = 0;
export const USUAL = 1;
/** Sources that only non-deciding reporters have reported: they are analyzed when nothing else waits. */
export const LATER = 2;

/** A domain with work waiting. */
export interface WaitingDomain {
  domain: string;
  /** Seconds since its oldest row was written, by the clock of the database. */
  seconds: number;
  /**
   * A name below an own domain that only non-deciding reporters have reported on, as far as the rows say:
   * anybody can invent any number of them, so they are analyzed when nothing else waits.
   */
  later: boolean;
}

/**
 * Whether mails are still being processed: seen in a mailbox and not stored, stored and not parsed, or not
 * verified yet. A verification that DNS left open once does not count, since that may last for days.
 */
export async function backlogExists(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ waiting: boolean }>(
    `select exists (select from ruawatch.messages where state = 'received')
         or exists (select from ruawatch.mailboxes where backlog > 0)
         or exists (select from ruawatch.trust_checks where attempts = 0) as waiting`,
  );
  return rows[0]!.waiting;
}

/** SQL: the oldest row of each domain in `d`, which is the one with the lowest key. */
const OLDEST = `
  select d.domain, extract(epoch from now() - w.queued_at)::float8 as seconds, later
    from d cross join lateral (
      select queued_at from ruawatch.analysis_work where domain = d.domain order by work_key limit 1) w
   cross join lateral (
      select not exists (select from ruawatch.domains o where o.domain = d.domain and o.state = 'own')
         and not exists (select from ruawatch.analysis_work a
                          where a.domain = d.domain and a.tier in (${URGENT}, ${USUAL}) and a.source > '') as later) l
   where d.domain is not null
   order by later, w.queued_at, d.domain`;

/**
 * The domains that wait for analysis, the longest-waiting first, and those that are `later` at the end. Skips
 * through the index from domain to domain, because a few domains have millions of rows during an import.
 */
export async function waitingDomains(db: Db, limit: number): Promise<WaitingDomain[]> {
  const { rows } = await db.query<WaitingDomain>(
    `with recursive d as (
       (select domain from ruawatch.analysis_work order by domain limit 1)
       union all
       select (select w.domain from ruawatch.analysis_work w where w.domain > d.domain order by w.domain limit 1)
         from d where d.domain is not null)
     ${OLDEST} limit $1`,
    [limit],
  );
  return rows;
}

/** Those of the given domains that wait for analysis. */
export async function waitingAmong(db: Db, domains: readonly string[]): Promise<WaitingDomain[]> {
  const { rows } = await db.query<WaitingDomain>(`with d as (select distinct unnest($1::text[]) as domain) ${OLDEST}`, [domains]);
  return rows;
}

export interface TakenWork {
  /** The number of rows taken. */
  rows: number;
  sources: string[];
  /** More sources of the domain wait. */
  more: boolean;
  /** No work but LATER is left, or none was taken: the domain can be analyzed as a whole. */
  whole: boolean;
}

/**
 * Takes the waiting work of up to `limit` sources of a domain, the urgent first, by deleting it: a rollback
 * restores it. Work that is committed after this statement began stays for the next call, so that nothing is
 * deleted unseen. Skips through the index from source to source, so that the cost of a call does not depend
 * on how much waits.
 */
export async function takeWork(tx: Tx, domain: string, limit: number): Promise<TakenWork> {
  const { rows } = await tx.query<{ source: string; rows: number; more: boolean; whole: boolean }>(
    `with recursive w as (
       (select tier, source, 1 as n from ruawatch.analysis_work where domain = $1 order by tier, source limit 1)
       union all
       select next.tier, next.source, w.n + 1
         from w cross join lateral (
           select tier, source from ruawatch.analysis_work
            where domain = $1 and (tier, source) > (w.tier, w.source) order by tier, source limit 1) next
        where w.n <= $2),
     chosen as materialized (select distinct source from w where n <= $2),
     taken as (
       delete from ruawatch.analysis_work a using chosen c
        where a.domain = $1 and a.tier in (${URGENT}, ${USUAL}, ${LATER}) and a.source = c.source returning a.source)
     select source, count(*) as rows, (select count(*) from w) > $2 as more,
            -- The row after the chosen ones is the first that is left.
            coalesce((select w.tier = ${LATER} and (select min(tier) from w) < ${LATER} from w where n > $2), true) as whole
       from taken group by source order by source`,
    [domain, limit],
  );
  return {
    rows: rows.reduce((sum, row) => sum + row.rows, 0),
    // The empty source stands for work that concerns the domain alone (its published policy).
    sources: rows.map((row) => row.source).filter((source) => source !== ''),
    more: rows[0]?.more ?? false,
    whole: rows[0]?.whole ?? true,
  };
}

/** Deletes all work of a domain, which is not analyzed. */
export async function dropWork(tx: Tx, domain: string): Promise<void> {
  await tx.query('delete from ruawatch.analysis_work where domain = $1', [domain]);
}

/** Whether urgent work of the domain waits, and the domain was analyzed before. */
export async function isUrgent(db: Queryable, domain: string): Promise<boolean> {
  const { rows } = await db.query<{ urgent: boolean }>(
    `select exists (select from ruawatch.analysis_work where domain = $1 and tier = ${URGENT})
        and exists (select from ruawatch.sources where domain = $1 and classified_at is not null) as urgent`,
    [domain],
  );
  return rows[0]!.urgent;
}
