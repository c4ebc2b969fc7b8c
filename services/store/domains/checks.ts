import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { nextStretch } from '../reports/report-scan.ts';
import { isOwnSql } from './domains.ts';

/** Reports looked through in one statement at most. */
const SLICE_REPORTS = 5_000;

/**
 * Notes the domains of reports that were stored since the last call, a slice of them, in the order of their keys and none passed over
 * (as findAddresses does it). Reports that are about to be verified are waited for: who is proven to have told of a domain decides when
 * it is asked about.
 * @param organizationOf the organizational domain of whoever proved the report's mail
 * @returns whether there may be more right now
 */
export async function findDomains(db: Db, now: Date, organizationOf: (domain: string) => string): Promise<boolean> {
  return transaction(db, async (tx) => {
    const stretch = await nextStretch(tx, 'domain_scan');
    if (typeof stretch === 'boolean') return stretch;
    const { rows } = await tx.query<Told & { last: number }>(
      `select domain, max(received_at) as reported, max(report_key) as last,
              array_agg(distinct coalesce(trust_domain, '')) filter (where trust = 'ok') as by
         from (select report_key, domain, received_at, trust, trust_domain from ruawatch.reports
                where report_key > $1 and report_key <= $2 order by report_key limit ${SLICE_REPORTS}) slice
        group by domain`,
      [stretch.after, stretch.upto],
    );
    const named = rows.filter(({ domain }) => domain !== '');
    if (named.length > 0) await noteDomains(tx, now, named, organizationOf);
    const last = Math.max(stretch.after, ...rows.map((row) => row.last));
    const done = rows.length === 0 || last >= stretch.upto;
    await tx.query(
      `update ruawatch.domain_scan set scanned_key = $1, upto_key = case when $2 then null else upto_key end,
              upto_xid = case when $2 then null else upto_xid end`,
      [done ? stretch.upto : last, done],
    );
    return true;
  });
}

interface Told {
  domain: string;
  reported: Date;
  /** Domains of the proven mails that told of it, '' for those not to be proven; null: there were none. */
  by: string[] | null;
}

/**
 * Of several proven reporters that told of a domain, it waits in the line of the one that told of the fewest: else whoever is the first to
 * tell of it would have it wait behind all the names that he invents.
 */
async function noteDomains(tx: Tx, now: Date, told: readonly Told[], organizationOf: (domain: string) => string): Promise<void> {
  const vouchers = told.map(({ by }) => [...new Set((by ?? []).map((name) => (name === '' ? '' : organizationOf(name))))].sort());
  const domains = told.map(({ domain }) => domain);
  const { rows: before } = await tx.query<{ domain: string; by: string }>(
    'select domain, vouched_by as by from ruawatch.domains where domain = any($1::text[]) and vouched_by is not null',
    [domains],
  );
  const stored = new Map(before.map(({ domain, by }) => [domain, by]));
  const names = new Map<string, number>();
  for (const by of vouchers.flat()) names.set(by, (names.get(by) ?? 0) + 1);
  const { rows: counts } = await tx.query<{ by: string; n: number }>(
    `select vouched_by as by, count(*) as n from ruawatch.domains
      where state = 'observed' and vouched_by = any($1::text[]) group by vouched_by`,
    [[...new Set([...names.keys(), ...stored.values()])]],
  );
  for (const { by, n } of counts) names.set(by, (names.get(by) ?? 0) + n);
  const shortest = (all: readonly string[]) =>
    all.reduce<string | null>((best, by) => (best === null || names.get(by)! < names.get(best)! ? by : best), null);
  await tx.query(
    `insert into ruawatch.domains as d (domain, state, how, since, due_at, vouched_by, last_reported, history)
     select domain, 'observed', 'reported', $4, $4, by, reported, ${isOwnSql('domain')}
       from unnest($1::text[], $2::text[], $3::timestamptz[]) as g(domain, by, reported) order by domain
     on conflict (domain) do update
        set last_reported = greatest(d.last_reported, excluded.last_reported), vouched_by = coalesce(excluded.vouched_by, d.vouched_by)
      where d.last_reported is null or excluded.last_reported > d.last_reported + interval '1 day'
         or (excluded.vouched_by is not null and d.vouched_by is distinct from excluded.vouched_by)`,
    [
      domains,
      told.map(({ domain }, i) => shortest([...(stored.has(domain) ? [stored.get(domain)!] : []), ...vouchers[i]!])),
      told.map(({ reported }) => reported.toISOString()),
      now,
    ],
  );
}

/** The addresses of the mailboxes that a poller read since a moment, as it wrote them. */
export async function mailboxAddresses(q: Queryable, since: Date): Promise<string[]> {
  const { rows } = await q.query<{ address: string }>(
    `select distinct unnest(addresses) as address from ruawatch.mailboxes where polled_at >= $1 or lease_until >= $1`,
    [since],
  );
  return rows.map((row) => row.address);
}

/** A domain that DNS is to be asked about. */
export interface DueDomain {
  domain: string;
  vouched: boolean;
  attempts: number;
  denied: number;
  confirmed: boolean;
  lost: boolean;
}

const DUE = `domain, vouched_by is not null as vouched, attempts, denied, confirmed_at is not null as confirmed,
             lost_since is not null as lost`;

/** Takes own domains that are due, the longest-waiting first, for as long as `until`: whoever takes them and dies leaves them to the next. */
export async function takeOwn(db: Db, now: Date, until: Date, limit: number): Promise<DueDomain[]> {
  const { rows } = await db.query<DueDomain>(
    `with due as materialized (
       select domain as name from ruawatch.domains where state = 'own' and due_at <= $1 order by due_at limit $3 for update skip locked)
     update ruawatch.domains set due_at = $2 from due where domain = due.name returning ${DUE}`,
    [now, until, limit],
  );
  return rows;
}

/**
 * The same of domains that are nobody's yet. Those that a proven reporter told of come first, and of these one of each reporter in turn:
 * whoever invents a hundred thousand waits for himself. What an own or ignored domain covers meanwhile is not asked about.
 * @param options.perHour so many that led to nothing are asked about in an hour, `perReporter` of those that one reporter told of
 */
export async function takeForeign(
  db: Db,
  now: Date,
  until: Date,
  options: { limit: number; perHour: number; perReporter: number },
): Promise<DueDomain[]> {
  const { rows } = await db.query<DueDomain & { covered: boolean }>(
    `with used as materialized (
       select vouched_by as reporter, count(*) as n from ruawatch.domains
        where state = 'observed' and last_checked > $1::timestamptz - interval '1 hour' group by vouched_by),
     ranked as materialized (
       select domain as name, vouched_by as reporter, due_at as due,
              row_number() over (partition by vouched_by order by due_at, domain) as turn
         from ruawatch.domains where state = 'observed' and due_at <= $1),
     chosen as (
       select r.name from ranked r left join used u on u.reporter is not distinct from r.reporter
        where r.turn + coalesce(u.n, 0) <= $5
        order by r.reporter is null, r.turn + coalesce(u.n, 0), r.due, r.name
        limit least($3, greatest(0, $4 - (select coalesce(sum(n), 0) from used)))),
     due as materialized (select name, ruawatch.standing_of(name) is not null as covered from chosen)
     update ruawatch.domains set due_at = case when due.covered then null else $2::timestamptz end
       from due where domain = due.name and state = 'observed' and due_at <= $1
     returning ${DUE}, due.covered as covered`,
    [now, until, options.limit, options.perHour, options.perReporter],
  );
  return rows.filter((row) => !row.covered);
}

/** What one check of a domain found, and when the next is due. */
export interface Check {
  domain: string;
  state: 'proven' | 'denied' | 'unknown';
  reason: string;
  /** Whose DMARC record proves it; null when nothing does. */
  at: string | null;
  /** It was proven, and by now so many checks deny it that it counts as lost. */
  lost: boolean;
  due: Date;
}

/**
 * Writes what a check found. What is proven becomes own, unless a person or a row above says what it is; what was proven and is lost, or
 * is back, is put on the analyzer's list.
 */
export async function saveCheck(db: Db, now: Date, check: Check): Promise<void> {
  const { domain, state, reason, at, lost, due } = check;
  await transaction(db, async (tx) => {
    if (at !== null) {
      await tx.query(
        `insert into ruawatch.domains as d (domain, state, how, since, confirmed_at, last_checked, reason, due_at, history)
         select $1, 'own', 'confirmed', $2, $2, $2, $3, $4, true where ruawatch.standing_of($1) is null
         on conflict (domain) do update
            set state = 'own', how = 'confirmed', since = excluded.since, confirmed_at = excluded.confirmed_at,
                last_checked = excluded.last_checked, reason = excluded.reason, due_at = excluded.due_at, attempts = 0, history = true,
                history_xid = null
          where d.state = 'observed'`,
        [at, now, reason, due],
      );
    }
    const { rows } = await tx.query<{ told: boolean }>(
      `update ruawatch.domains d
          set last_checked = $2, reason = $4,
              confirmed_at = case when $3 = 'proven' then coalesce(d.confirmed_at, $2) else d.confirmed_at end,
              attempts = case when $3 = 'proven' then 0 else d.attempts + 1 end,
              denied = case $3 when 'proven' then 0 when 'denied' then d.denied + 1 else d.denied end,
              denied_since = case $3 when 'proven' then null when 'denied' then coalesce(d.denied_since, $2) else d.denied_since end,
              lost_since = case when $3 = 'proven' then null when $5 then coalesce(d.lost_since, d.denied_since, $2) else d.lost_since end,
              -- What is proven by a row above is asked about there.
              due_at = case when d.state = 'ignored' or (d.state = 'observed' and $3 = 'proven') then null else $6::timestamptz end
         from (select lost_since from ruawatch.domains where domain = $1 for update) before
        where d.domain = $1
       returning d.state = 'own' and (d.lost_since is not null or before.lost_since is not null) as told`,
      [domain, now, state, reason.slice(0, 500), lost, due],
    );
    if (rows[0]?.told) {
      await tx.query(`insert into ruawatch.analysis_work (domain, source) values ($1, '')`, [domain]);
    }
  });
}

/** Forgets domains that nobody proven told of, and nobody at all since a moment, up to `limit`. @returns how many */
export async function forgetDomains(q: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await q.query(
    `delete from ruawatch.domains where domain in (
       select domain from ruawatch.domains where state = 'observed' and vouched_by is null and last_reported < $1 limit $2)`,
    [before, limit],
  );
  return rowCount ?? 0;
}
