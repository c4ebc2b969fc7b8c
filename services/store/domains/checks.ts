import { isOfKnown, knownOrganizations } from '../../report/reporters/reporters.ts';
import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { moveScan, nextRange } from '../reports/report-scan.ts';
import { isOwnSql } from './domains.ts';

/** Reports that one statement goes through at most. */
const SLICE_REPORTS = 5_000;
/** More domains than anybody reports on. */
const BEHIND_LISTED = 1e12;

/**
 * Notes the domains of a slice of the reports that were stored since the last call, none skipped
 * (reports/report-scan.ts). Reports that are about to be verified are waited for: the proven reporter of a
 * domain decides when DNS is queried about it.
 * @param organizationOf gives the organizational domain of the domain that a report's mail is authentic for
 * @returns whether there may be more right now
 */
export async function findDomains(db: Db, now: Date, organizationOf: (domain: string) => string): Promise<boolean> {
  return transaction(db, async (tx) => {
    const range = await nextRange(tx, 'domain_scan');
    if (typeof range === 'boolean') return range;
    const { rows } = await tx.query<ReportedDomain & { last: number }>(
      `select domain, max(received_at) as reported, max(report_key) as last,
              array_agg(distinct coalesce(trust_domain, '')) filter (where trust = 'ok') as by
         from (select report_key, domain, received_at, trust, trust_domain from ruawatch.reports
                where report_key > $1 and report_key <= $2 order by report_key limit ${SLICE_REPORTS}) slice
        group by domain`,
      [range.after, range.upto],
    );
    const named = rows.filter(({ domain }) => domain !== '');
    if (named.length > 0) await noteDomains(tx, now, named, organizationOf);
    await moveScan(tx, 'domain_scan', range, rows.length === 0 ? range.upto : Math.max(...rows.map((row) => row.last)));
    return true;
  });
}

interface ReportedDomain {
  domain: string;
  reported: Date;
  /**
   * The domains that its mails are authentic for, '' for mails that need no proof; null: nothing is proven.
   */
  by: string[] | null;
}

/**
 * A domain that several proven reporters have reported on is queued with a listed reporter, else with the
 * reporter of the fewest domains. Otherwise the first to report on it could make it wait behind all the names
 * that it invents.
 */
async function noteDomains(
  tx: Tx,
  now: Date,
  given: readonly ReportedDomain[],
  organizationOf: (domain: string) => string,
): Promise<void> {
  const vouchers = given.map(({ by }) =>
    [...new Set((by ?? []).map((name) => (name === '' ? '' : organizationOf(name))))].sort(),
  );
  const domains = given.map(({ domain }) => domain);
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
  const length = (by: string) => (isOfKnown(by) ? 0 : BEHIND_LISTED) + names.get(by)!;
  const shortest = (all: readonly string[]) =>
    all.reduce<string | null>((best, by) => (best === null || length(by) < length(best) ? by : best), null);
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
      given.map(({ domain }, i) => shortest([...(stored.has(domain) ? [stored.get(domain)!] : []), ...vouchers[i]!])),
      given.map(({ reported }) => reported.toISOString()),
      now,
    ],
  );
}

/** The addresses of the mailboxes that a poller has read since a moment, as the poller noted them. */
export async function mailboxAddresses(q: Queryable, since: Date): Promise<string[]> {
  const { rows } = await q.query<{ address: string }>(
    `select distinct unnest(addresses) as address from ruawatch.mailboxes where polled_at >= $1 or lease_until >= $1`,
    [since],
  );
  return rows.map((row) => row.address);
}

/** A domain whose records are to be looked up. */
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

/**
 * Takes own domains that are due, the longest-waiting first, until `until`: if the process that takes them
 * dies, they are due again then.
 */
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
 * Takes observed domains that are due, in the same way. Domains of proven reporters come first, one of each
 * reporter in turn: a reporter that invents a hundred thousand delays only its own. Listed reporters come
 * before the others, of whom there may be thousands. Domains that an own or ignored domain covers by now are
 * not looked up.
 * @param options.perHour the number of observed domains that are looked up in an hour; `perReporter`: of
 * those of one reporter
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
        order by r.reporter is null, r.reporter <> all($6), r.turn + coalesce(u.n, 0), r.due, r.name
        limit least($3, greatest(0, $4 - (select coalesce(sum(n), 0) from used)))),
     due as materialized (select name, ruawatch.standing_of(name) is not null as covered from chosen)
     update ruawatch.domains set due_at = case when due.covered then null else $2::timestamptz end
       from due where domain = due.name and state = 'observed' and due_at <= $1
     returning ${DUE}, due.covered as covered`,
    [now, until, options.limit, options.perHour, options.perReporter, knownOrganizations()],
  );
  return rows.filter((row) => !row.covered);
}

/** The result of one check of a domain, and when the next is due. */
export interface Check {
  domain: string;
  state: 'proven' | 'denied' | 'unknown';
  reason: string;
  /** The domain whose DMARC record proves it; null when none does. */
  at: string | null;
  /** It was proven, and enough checks since then deny it to count it as lost. */
  lost: boolean;
  due: Date;
}

/**
 * Writes the result of a check. A proven domain becomes own, unless a person or a domain above it has decided
 * its state. A domain that is lost, or proven again, is analyzed again.
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
    const { rows } = await tx.query<{ changed: boolean }>(
      `update ruawatch.domains d
          set last_checked = $2, reason = $4,
              confirmed_at = case when $3 = 'proven' then coalesce(d.confirmed_at, $2) else d.confirmed_at end,
              attempts = case when $3 = 'proven' then 0 else d.attempts + 1 end,
              denied = case $3 when 'proven' then 0 when 'denied' then d.denied + 1 else d.denied end,
              denied_since = case $3 when 'proven' then null when 'denied' then coalesce(d.denied_since, $2) else d.denied_since end,
              lost_since = case when $3 = 'proven' then null when $5 then coalesce(d.lost_since, d.denied_since, $2) else d.lost_since end,
              -- A domain that is proven by one above it is looked up there.
              due_at = case when d.state = 'ignored' or (d.state = 'observed' and $3 = 'proven') then null else $6::timestamptz end
         from (select lost_since from ruawatch.domains where domain = $1 for update) before
        where d.domain = $1
       returning d.state = 'own' and (d.lost_since is not null or before.lost_since is not null) as changed`,
      [domain, now, state, reason.slice(0, 500), lost, due],
    );
    if (rows[0]?.changed) {
      await tx.query(`insert into ruawatch.analysis_work (domain, source) values ($1, '')`, [domain]);
    }
  });
}

/**
 * Deletes up to `limit` observed domains without a proven reporter and without a report since `before`.
 * @returns their number
 */
export async function forgetDomains(q: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await q.query(
    `delete from ruawatch.domains where domain in (
       select domain from ruawatch.domains where state = 'observed' and vouched_by is null and last_reported < $1 limit $2)`,
    [before, limit],
  );
  return rowCount!;
}
