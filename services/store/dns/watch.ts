import type { Db } from '../../shared/runtime/db.ts';

/** A domain whose records are due to be asked for. */
export interface Watched {
  domain: string;
  /** Rounds in a row that nobody answered. */
  attempts: number;
}

/**
 * Takes the own domains that are due, and leases them: whoever takes them and crashes leaves them to the
 * next. A domain that became own is due at once; one that is not own any more is forgotten with its records.
 * @param until the end of the lease
 */
export async function takeWatched(db: Db, now: Date, until: Date, limit: number): Promise<Watched[]> {
  await addOwn(db, now);
  const { rows } = await db.query<Watched>(
    `with due as materialized (
       select domain as name from ruawatch.dns_watch w
        where due_at <= $1 and exists (select from ruawatch.domains d where d.domain = w.domain and d.state = 'own')
        order by due_at, domain limit $3 for update of w skip locked)
     update ruawatch.dns_watch w set due_at = $2 from due where w.domain = due.name returning w.domain, w.attempts`,
    [now, until, limit],
  );
  return rows;
}

/**
 * Takes own domains whether they are due or not, and leases them as `takeWatched` does.
 * @param domains null: all own domains
 * @returns with the time of the last round, null before the first
 */
export async function takeNamed(
  db: Db,
  domains: readonly string[] | null,
  { now, until }: { now: Date; until: Date },
): Promise<(Watched & { asked_at: Date | null })[]> {
  await addOwn(db, now);
  const { rows } = await db.query<Watched & { asked_at: Date | null }>(
    `update ruawatch.dns_watch w set due_at = $2
      where ($1::text[] is null or domain = any($1))
        and exists (select from ruawatch.domains d where d.domain = w.domain and d.state = 'own')
      returning domain, attempts, asked_at`,
    [domains, until],
  );
  return rows.sort((a, b) => (a.domain < b.domain ? -1 : 1));
}

async function addOwn(db: Db, now: Date): Promise<void> {
  await db.query(
    `insert into ruawatch.dns_watch (domain, due_at)
     select domain, $1 from ruawatch.domains d
      where state = 'own' and not exists (select from ruawatch.dns_watch w where w.domain = d.domain)
     on conflict do nothing`,
    [now],
  );
}

/** Days without a question after which what was seen of a name is forgotten. */
const FORGET_DAYS = 400;

/**
 * Deletes what is stored of domains that are not own any more, and of names that were not asked about for
 * over a year.
 */
export async function forgetRecords(db: Db, now: Date): Promise<void> {
  await db.query(
    `with left_over as (
       delete from ruawatch.dns_watch w
        where not exists (select from ruawatch.domains d where d.domain = w.domain and d.state = 'own') returning domain),
     questions as (delete from ruawatch.dns_questions where domain in (select domain from left_over)),
     servers as (delete from ruawatch.dns_servers where domain in (select domain from left_over)),
     checks as (delete from ruawatch.dns_checks where domain in (select domain from left_over)),
     drifts as (delete from ruawatch.dns_drifts where domain in (select domain from left_over))
     delete from ruawatch.dns_records where domain in (select domain from left_over)`,
  );
  await db.query(
    `with old as (
       delete from ruawatch.dns_questions where asked_at < $1::timestamptz - make_interval(days => ${FORGET_DAYS}) returning domain, name, type)
     delete from ruawatch.dns_records r using old where r.domain = old.domain and r.name = old.name and r.type = old.type`,
    [now],
  );
}

/** Selectors of one domain that are read from reports. */
const SELECTORS = 25;

/**
 * The keys of a domain that are known: those that the logs show; those that mail of the last weeks passed
 * with, the most used first; those that its own senders sign with and that never passed; those that were seen
 * in DNS before; and those of open requests.
 * @param from YYYY-MM-DD
 */
export async function loadKeyNames(db: Db, domain: string, from: string): Promise<{ domain: string; selector: string }[]> {
  const signed = `from ruawatch.selector_days k
       where k.domain = $1 and day >= $2::date and trust = 'ok' and selector ~ '^[a-z0-9_-]+([.][a-z0-9_-]+)*$'
         and (signing_domain = $1 or right(signing_domain, length($1) + 1) = '.' || $1)`;
  const { rows } = await db.query<{ domain: string; selector: string }>(
    `(select signing_domain as domain, selector ${signed} and passed > 0
       group by 1, 2 order by sum(passed) desc, 1, 2 limit ${SELECTORS})
     union
     (select signing_domain, selector ${signed} and messages > 0
         and exists (select from ruawatch.sources s
                      where s.domain = $1 and s.source = k.source and s.class in ('authorized', 'misaligned'))
       group by 1, 2 having sum(passed) = 0 order by sum(messages) desc, 1, 2 limit ${SELECTORS})
     union
     select split_part(name, '._domainkey.', 2), split_part(name, '._domainkey.', 1)
       from ruawatch.dns_records where domain = $1 and purpose = 'dkim' and gone_at is null
     union
     select split_part(change ->> 'name', '._domainkey.', 2), split_part(change ->> 'name', '._domainkey.', 1)
       from ruawatch.requests r cross join lateral jsonb_array_elements(r.plan::jsonb -> 'changes') change
      where r.domain = $1 and r.state in ('pending', 'approved', 'applying', 'active', 'handed_over')
        and strpos(change ->> 'name', '._domainkey.') > 0`,
    [domain, from],
  );
  return [...(await loadSigning(db, domain, from)), ...rows];
}

/** The keys that the logs show mail to be signed with, the newest first. */
async function loadSigning(db: Db, domain: string, from: string): Promise<{ domain: string; selector: string }[]> {
  const { rows } = await db.query<{ domain: string; selector: string }>(
    `select signing_domain as domain, selector from ruawatch.sending_days
      where (domain = $1 or right(domain, length($1) + 1) = '.' || $1) and day >= $2::date
        and (signing_domain = $1 or right(signing_domain, length($1) + 1) = '.' || $1)
        and selector ~ '^[a-z0-9_-]+([.][a-z0-9_-]+)*$'
      group by 1, 2 order by max(last_at) desc, 1, 2 limit ${SELECTORS}`,
    [domain, from],
  );
  return rows;
}
