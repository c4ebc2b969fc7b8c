import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import type { OperatorNote } from '../findings/operator-actions.ts';
import { lockDomains } from '../locks.ts';
import { committedSql } from '../reports/committed.ts';
import { OTHER_SOURCES } from '../rollups/allowance.ts';

export const DOMAIN_STATES = ['own', 'observed', 'ignored'] as const;
export type DomainState = (typeof DOMAIN_STATES)[number];

/**
 * SQL: the row that decides the state of a name: its own, or that of the nearest domain above it that is own
 * or ignored.
 */
const decidingSql = (domain: string, columns: string) =>
  `select ${columns} from (select string_to_array(${domain}, '.') as labels) l
    cross join lateral generate_subscripts(l.labels, 1) as i
     join ruawatch.domains o on o.domain = array_to_string(l.labels[i:], '.') and o.state <> 'observed'
    order by i limit 1`;

/** SQL: whether a name is own. */
export const isOwnSql = (domain: string) => `coalesce((${decidingSql(domain, 'o.state')}) = 'own', false)`;

/**
 * SQL: the domain that makes a name own: itself, or the nearest above it. No row when the name is not own.
 */
export const ownAboveSql = (domain: string) =>
  `select a.domain from (${decidingSql(domain, 'o.domain, o.state')}) a where a.state = 'own'`;

/** SQL: whether a name is a domain or below it. */
export const within = (name: string, domain: string) =>
  `(${name} = ${domain} or right(${name}, length(${domain}) + 1) = '.' || ${domain})`;

/** A row of dmarc.domains. */
export interface ListedDomain {
  domain: string;
  state: DomainState;
  how: string;
  since: Date;
  by_name: string | null;
  why: string | null;
  confirmed_at: Date | null;
  last_checked: Date | null;
  reason: string | null;
  lost_since: Date | null;
  last_reported: Date | null;
}

/** Whether a domain is own, so that it gets findings. */
export async function isOwn(q: Queryable, domain: string): Promise<boolean> {
  const { rows } = await q.query<{ own: boolean }>(`select ${isOwnSql('$1')} as own`, [domain]);
  return rows[0]!.own;
}

/** The own domain that a name belongs to: itself, or the nearest above it; null when it is not own. */
export async function ownDomainOf(q: Queryable, name: string): Promise<string | null> {
  const { rows } = await q.query<{ domain: string }>(ownAboveSql('$1'), [name]);
  return rows[0]?.domain ?? null;
}

/** Own domains below a domain, which do not go with it. */
export async function ownBelow(q: Queryable, domain: string): Promise<string[]> {
  const { rows } = await q.query<{ domain: string }>(
    `select domain from ruawatch.domains where state = 'own' and domain <> $1 and ${within('domain', '$1')} order by 1`,
    [domain],
  );
  return rows.map((row) => row.domain);
}

/** Lists domains, own ones first, then by name. @param filter.state only domains of this state */
export async function listDomains(
  q: Queryable,
  filter: { state?: DomainState | undefined; limit: number },
): Promise<ListedDomain[]> {
  const { rows } = await q.query<ListedDomain>(
    `select domain, state, how, since, by_name, why, confirmed_at, last_checked, reason, lost_since, last_reported
       from ruawatch.domains
      where $1::text is null or state = $1
      order by array_position(array['own', 'observed', 'ignored'], state), vouched_by is null, domain limit $2`,
    [filter.state ?? null, filter.limit],
  );
  return rows;
}

/**
 * Makes domains own; own domains stay as they are. The analyzer's next sweep analyzes what is stored about
 * them.
 * @param options.ignored whether this applies to ignored domains
 * @returns the domains that changed
 */
export async function putOwn(
  db: Db | Tx,
  domains: readonly string[],
  how: 'listed' | 'added' | 'imported',
  options: { word?: OperatorNote; now: Date; ignored: boolean },
): Promise<string[]> {
  if (domains.length === 0) return [];
  const { rows } = await db.query<{ domain: string }>(
    `insert into ruawatch.domains as d (domain, state, how, since, by_name, why, due_at, history)
     select domain, 'own', $2, $3, $4, $5, $3, true from (select distinct unnest($1::text[]) as domain) given order by domain
     on conflict (domain) do update
        set state = 'own', how = excluded.how, since = excluded.since, by_name = excluded.by_name, why = excluded.why,
            due_at = excluded.due_at, attempts = 0, denied = 0, denied_since = null, lost_since = null, history = true, history_xid = null
      where d.state = 'observed' or (d.state = 'ignored' and $6)
     returning domain`,
    [domains, how, options.now, options.word?.by ?? null, options.word?.why ?? null, options.ignored],
  );
  return rows.map((row) => row.domain).sort();
}

/**
 * Makes the domains of imported reports own where nobody has decided otherwise: an operator imports reports
 * on the operator's domains.
 */
export async function ownImported(db: Db, messages: readonly number[], now: Date): Promise<string[]> {
  const { rows } = await db.query<{ domain: string }>(
    `select domain from (select distinct domain from ruawatch.reports where message_key = any($1::bigint[]) and domain <> '') reported
      where (${decidingSql('reported.domain', 'o.state')}) is null`,
    [messages],
  );
  return putOwn(
    db,
    rows.map((row) => row.domain),
    'imported',
    { now, ignored: false },
  );
}

/**
 * Ignores a domain. Open findings on it, and on names below it that are not own any more, are resolved
 * without a mail; what is stored stays.
 * @returns the number of findings resolved
 */
export async function ignoreDomain(db: Db, domain: string, word: OperatorNote, now: Date): Promise<number> {
  return transaction(db, async (tx) => {
    const { rows } = await tx.query<{ domain: string }>(
      `select $1 as domain union select domain from ruawatch.findings where state = 'open' and ${within('domain', '$1')} order by 1`,
      [domain],
    );
    // No analysis of them may be running.
    await lockDomains(
      tx,
      rows.map((row) => row.domain),
    );
    await tx.query(
      `insert into ruawatch.domains as d (domain, state, how, since, by_name, why) values ($1, 'ignored', 'ignored', $2, $3, $4)
       on conflict (domain) do update
          set state = 'ignored', how = 'ignored', since = excluded.since, by_name = excluded.by_name, why = excluded.why, due_at = null,
              denied = 0, denied_since = null, lost_since = null, history = false, history_xid = null`,
      [domain, now, word.by, word.why],
    );
    const { rows: ended } = await tx.query<{ finding_key: number }>(
      `with over as (
         update ruawatch.findings f
            set state = 'resolved', resolved_at = $2, changed_at = $2, acknowledged_at = null, acknowledged_by = null,
                acknowledged_why = null, snoozed_until = null, snoozed_by = null, snoozed_why = null,
                evidence = f.evidence || jsonb_build_object('resolved_day', ($2::timestamptz at time zone 'UTC')::date,
                                                            'resolved_why', $3::text)
          where f.state = 'open' and ${within('f.domain', '$1')} and not ${isOwnSql('f.domain')}
         returning f.finding_key, f.revision, f.severity, f.summary, f.evidence)
       insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify, handled_at, posted_at)
       select finding_key, revision, 'resolved', $2, severity, summary, evidence, false, $2, $2 from over
       returning finding_key`,
      [domain, now, `The domain is ignored since then (${word.by}: ${word.why}).`],
    );
    const keys = ended.map((row) => row.finding_key);
    await tx.query(
      `update ruawatch.finding_events set handled_at = coalesce(handled_at, $2), posted_at = coalesce(posted_at, $2)
        where finding_key = any($1) and (handled_at is null or posted_at is null)`,
      [keys, now],
    );
    await tx.query(
      `update ruawatch.outbox set state = 'failed', last_error = 'Its domain is ignored.'
        where finding_key = any($1) and state = 'pending'`,
      [keys],
    );
    return keys.length;
  });
}

/**
 * Notes everything stored about domains that became own for the analyzer: at once, and again when all
 * transactions that were open then have ended. A parser among them may have stored a report when the domain
 * was not own yet, and noted no work.
 * @param since sources that were last seen before this day are left out
 * @returns the domains whose history was noted
 */
export async function listHistory(db: Db, since: string): Promise<string[]> {
  const { rows: some } = await db.query('select from ruawatch.domains where history limit 1');
  if (some.length === 0) return [];
  return transaction(db, async (tx) => {
    const { rows } = await tx.query<{ domain: string; last: boolean }>(
      `select domain, history_xid is not null as last
         from ruawatch.domains
        where history and (history_xid is null or ${committedSql('history_xid')})
        order by domain limit 200 for update skip locked`,
    );
    const domains = rows.map((row) => row.domain);
    if (domains.length === 0) return [];
    await tx.query(
      `with named as materialized (
         select below.domain
           from (select d.domain from ruawatch.domains d
                  where exists (select from (select string_to_array(d.domain, '.') as labels) l
                                cross join lateral generate_subscripts(l.labels, 1) as i
                                 where array_to_string(l.labels[i:], '.') = any ($1::text[])) offset 0) below
          where ${isOwnSql('below.domain')})
       insert into ruawatch.analysis_work (domain, source)
       select domain, '' from named
        union all
       select s.domain, s.source
         from named join ruawatch.sources s using (domain)
        where s.messages > 0 and s.last_seen >= $2::date and s.source <> '${OTHER_SOURCES}'
          -- There is nothing to analyze without trusted reports.
          and exists (select from ruawatch.source_days d
                       where d.domain = s.domain and d.source = s.source and d.day >= $2::date and d.trust = 'ok')
        order by 1, 2`,
      [domains, since],
    );
    await tx.query(
      `update ruawatch.domains d
          set history = not l.last, history_xid = case when not l.last then pg_snapshot_xmax(pg_current_snapshot())::text::bigint end
         from unnest($1::text[], $2::boolean[]) as l(domain, last) where d.domain = l.domain`,
      [domains, rows.map((row) => row.last)],
    );
    return domains;
  });
}

/** Whether DNS still sends a domain's reports to us. Null: the domain is not own, or not in the table. */
export interface Confirmation {
  confirmed_at: Date | null;
  last_checked: Date | null;
  lost_since: Date | null;
  reason: string | null;
}

export async function loadConfirmation(tx: Tx, domain: string): Promise<Confirmation | null> {
  const { rows } = await tx.query<Confirmation>(
    `select confirmed_at, last_checked, lost_since, reason from ruawatch.domains where domain = $1 and state = 'own'`,
    [domain],
  );
  return rows[0] ?? null;
}

/**
 * Observed domains that no own or ignored domain covers; those of proven reporters first, one of each
 * reporter in turn.
 */
export async function foreignDomains(
  q: Queryable,
  options: { since?: Date; limit: number },
): Promise<{ domains: { domain: string; vouched: boolean; reason: string | null }[]; count: number }> {
  const { rows } = await q.query<{ domain: string; vouched: boolean; reason: string | null; n: number }>(
    `select domain, vouched_by is not null as vouched, reason, count(*) over () as n
       from ruawatch.domains d
      where state = 'observed' and ($1::timestamptz is null or last_reported >= $1) and ruawatch.standing_of(domain) is null
      -- One of each reporter in turn, so that no reporter's inventions fill the list.
      order by vouched_by is null, row_number() over (partition by vouched_by order by last_reported desc, domain), last_reported desc, domain
      limit $2`,
    [options.since ?? null, options.limit],
  );
  return { domains: rows.map(({ n: _n, ...row }) => row), count: rows[0]?.n ?? 0 };
}

/** Whether any domain is own. */
export async function anyOwn(q: Queryable): Promise<boolean> {
  const { rows } = await q.query<{ any: boolean }>("select exists (select from ruawatch.domains where state = 'own') as any");
  return rows[0]!.any;
}

/** The number of own domains. */
export async function countOwn(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ n: number }>("select count(*) as n from dmarc.domains where state = 'own'");
  return rows[0]!.n;
}
