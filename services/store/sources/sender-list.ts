import { PermanentError } from '../../shared/errors.ts';
import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { isOwnSql } from '../domains/domains.ts';
import type { OperatorNote } from '../findings/operator-actions.ts';
import { lockNamed } from '../locks.ts';

/** A person's entry on a source that has not ended. */
export interface ListEntry {
  entry_key: number;
  /** '*' for every domain. */
  domain: string;
  /** As in dmarc.sources.source; with `is_service` the id of a mail service in the catalogue. */
  source: string;
  is_service: boolean;
  verdict: 'approved' | 'denied';
  by_name: string;
  why: string;
  since: Date;
  until: Date | null;
}

/** A row of dmarc.sender_list. */
export interface ListedEntry extends ListEntry {
  ended_at: Date | null;
  ended_by: string | null;
  ended_why: string | null;
}

/** The source or mail service of an entry. The sources of a service are found by its domains and its id. */
export interface Subject {
  domain: string;
  source: string;
  /** Null for a source; else the organizational domains of the service. */
  service: { domains: readonly string[] } | null;
}

/** SQL: whether an entry `l` is about a source: itself or its service, for its domain or for all. */
export const aboutSql = ({ domain, source, service }: { domain: string; source: string; service: string }): string =>
  `l.source = case when l.is_service then ${service} else ${source} end and l.domain in (${domain}, '*')`;

/** A source ($2) of a domain ($1), as SQL. */
const GIVEN = {
  domain: '$1',
  source: '$2',
  service: '(select grouped_as from ruawatch.sources where domain = $1 and source = $2)',
};

/** SQL: of entries `l` that hold about a source, the decisive one first (entryOf of the analyzer). */
export const DECISIVE_FIRST = "l.domain = '*', l.is_service";

/** What an entry says to whoever decides next. */
const STATE = "l.entry_key || case when l.ended_at is null then '' else 'e' end";

/**
 * SQL: what a decision about a source rests on: the newest entries about it, about its service, and about
 * either for all domains, and whether each has ended: '9+5e'; '0' where there is none.
 * @param list the entries that whoever decides sees
 */
export const basisSql = (list: string, about: Parameters<typeof aboutSql>[0]): string =>
  `coalesce((select string_agg(state, '+' order by entry_key desc)
               from (select distinct on (l.domain, l.is_service) l.entry_key, ${STATE} as state
                       from ${list} l where ${aboutSql(about)} order by l.domain, l.is_service, l.entry_key desc) newest), '0')`;

/** What whoever decides has seen of earlier decisions. */
export interface Basis {
  /** From basisSql. */
  seen: string;
  /** Whether they see the entries for all domains. */
  everywhere: boolean;
}

/**
 * Whoever decides has seen what was decided before.
 * @throws PermanentError `decided_meanwhile`
 */
export async function checkBasis(
  q: Queryable,
  { domain, source }: Pick<Subject, 'domain' | 'source'>,
  { seen, everywhere }: Basis,
): Promise<void> {
  const visible = '(select * from ruawatch.sender_list v where $3 or v.domain = $1)';
  const { rows } = await q.query<{ basis: string; what: string; by_name: string; at: Date; why: string }>(
    `select b.basis, l.what, l.by_name, l.at, l.why
       from (select ${basisSql(visible, GIVEN)} as basis) b
       left join lateral (
         select case when l.ended_at is null then l.verdict else 'decision ended' end as what,
                coalesce(l.ended_by, l.by_name) as by_name, coalesce(l.ended_at, l.since) as at, coalesce(l.ended_why, l.why) as why
           from ${visible} l where ${aboutSql(GIVEN)} order by coalesce(l.ended_at, l.since) desc, l.entry_key desc limit 1) l on true`,
    [domain, source, everywhere],
  );
  const { basis, ...newest } = rows[0]!;
  if (basis !== seen) throw decidedMeanwhile(source, newest.by_name === null ? undefined : newest);
}

function decidedMeanwhile(source: string, newest?: { what: string; by_name: string; at: Date; why: string }): PermanentError {
  const told =
    newest &&
    `${newest.what} by ${newest.by_name} on ${newest.at.toISOString().slice(0, 16).replace('T', ' ')} UTC (${newest.why})`;
  return new PermanentError(
    'decided_meanwhile',
    `Something else was decided about ${source} after what you saw: ${told ?? 'the decision is gone'}. Nothing was changed: look at it, and decide again if you still mean it.`,
  );
}

/** The entries for a domain that apply now. Those whose time is over are ended by endExpired. */
export async function loadSenderList(tx: Tx, domain: string, now: Date): Promise<ListEntry[]> {
  const { rows } = await tx.query<ListEntry>(
    `select entry_key, domain, source, is_service, verdict, by_name, why, since, until from ruawatch.sender_list
      where domain in ($1, '*') and ended_at is null and (until is null or until > $2)
      order by entry_key`,
    [domain, now],
  );
  return rows;
}

/** Whether a domain, or one above it, is among those that were configured or reported on. */
export async function isKnownDomain(q: Queryable, domain: string): Promise<boolean> {
  const { rows } = await q.query<{ known: boolean }>(
    `select exists (select from ruawatch.domains d where $1 = d.domain or right($1, length(d.domain) + 1) = '.' || d.domain)
         or exists (select from ruawatch.reports r where r.domain = $1) as known`,
    [domain],
  );
  return rows[0]!.known;
}

/** Lists entries, the newest first. @param filter without `all`: those that have not ended */
export async function listSenders(
  q: Queryable,
  filter: { all: boolean; domain?: string | undefined; limit: number },
): Promise<ListedEntry[]> {
  const { rows } = await q.query<ListedEntry>(
    `select entry_key, domain, source, is_service, verdict, by_name, why, since, until, ended_at, ended_by, ended_why
       from dmarc.sender_list
      where ($1 or ended_at is null) and ($2::text is null or domain in ($2, '*'))
      order by entry_key desc limit $3`,
    [filter.all, filter.domain ?? null, filter.limit],
  );
  return rows;
}

/**
 * Approves or denies a subject. An entry for the same subject is ended by it, so that one applies at a time.
 * The sources concerned are analyzed again.
 * @param basis what whoever decides has seen of it; absent: whatever was decided before
 * @returns the number of these sources
 * @throws PermanentError `decided_meanwhile`
 */
export async function putSender(
  db: Db,
  subject: Subject,
  {
    verdict,
    word,
    until,
    basis,
  }: { verdict: ListEntry['verdict']; word: OperatorNote; until: Date | null; basis?: Basis | undefined },
  now: Date,
): Promise<number> {
  return transaction(db, async (tx) => {
    await lockNamed(tx, 'senders');
    if (basis !== undefined) await checkBasis(tx, subject, basis);
    return putInTransaction(tx, subject, { verdict, word, until }, now);
  });
}

/** The same for a caller that holds the lock 'senders'. */
export async function putInTransaction(
  tx: Tx,
  subject: Subject,
  { verdict, word, until }: { verdict: ListEntry['verdict']; word: OperatorNote; until: Date | null },
  now: Date,
): Promise<number> {
  await end(tx, subject, { by: word.by, why: `replaced: ${word.why}` }, now);
  await tx.query(
    `insert into ruawatch.sender_list (domain, source, is_service, verdict, by_name, why, since, until)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [subject.domain, subject.source, subject.service !== null, verdict, word.by, word.why, now, until],
  );
  return lookAgain(tx, subject, now);
}

/**
 * Ends an entry now: reports decide about its sources again.
 * @returns the number of sources to be analyzed again; null when there is no such entry
 * @throws PermanentError `decided_meanwhile`
 */
export async function endSender(
  db: Db,
  subject: Subject,
  { basis, ...word }: OperatorNote & { basis?: Basis | undefined },
  now: Date,
): Promise<number | null> {
  return transaction(db, async (tx) => {
    await lockNamed(tx, 'senders');
    if (basis !== undefined) await checkBasis(tx, subject, basis);
    return endInTransaction(tx, subject, word, now);
  });
}

/**
 * Ends one entry now that is about a source of a domain, be it about its service or for all domains.
 * @param everywhere whether whoever ends it may decide for all domains
 * @throws PermanentError `decided_meanwhile` where it has ended
 */
export async function endEntry(
  db: Db,
  { domain, source, entry, everywhere }: { domain: string; source: string; entry: number; everywhere: boolean },
  word: OperatorNote,
  now: Date,
): Promise<void> {
  await transaction(db, async (tx) => {
    await lockNamed(tx, 'senders');
    const { rows } = await tx.query<ListEntry>(
      `select l.domain, l.source, l.is_service from ruawatch.sender_list l
        where ${aboutSql(GIVEN)} and ($4 or l.domain = $1) and l.entry_key = $3 and l.ended_at is null`,
      [domain, source, entry, everywhere],
    );
    const [found] = rows;
    if (found === undefined) throw decidedMeanwhile(source);
    // Sources that are known as the service's: the others follow with their next reports.
    await endInTransaction(tx, { ...found, service: found.is_service ? { domains: [] } : null }, word, now);
  });
}

/** The same for a caller that holds the lock 'senders'. */
export async function endInTransaction(tx: Tx, subject: Subject, word: OperatorNote, now: Date): Promise<number | null> {
  return (await end(tx, subject, word, now)) ? lookAgain(tx, subject, now) : null;
}

/**
 * Ends the entries whose time is over, and notes their sources for the analyzer. Any number of analyzers may
 * call it.
 * @param domainsOf gives the domains of a mail service by its id
 * @returns the entries that ended
 */
export async function endExpired(db: Db, domainsOf: (service: string) => readonly string[], now: Date): Promise<ListEntry[]> {
  const { rows: due } = await db.query('select from ruawatch.sender_list where ended_at is null and until <= $1 limit 1', [now]);
  if (due.length === 0) return [];
  return transaction(db, async (tx) => {
    await lockNamed(tx, 'senders');
    const { rows } = await tx.query<ListEntry>(
      `update ruawatch.sender_list set ended_at = until, ended_by = by_name, ended_why = 'its time was over'
        where ended_at is null and until <= $1
       returning entry_key, domain, source, is_service, verdict, by_name, why, since, until`,
      [now],
    );
    for (const { domain, source, is_service } of rows)
      await lookAgain(tx, { domain, source, service: is_service ? { domains: domainsOf(source) } : null }, now);
    return rows;
  });
}

async function end(tx: Tx, subject: Subject, word: OperatorNote, now: Date): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update ruawatch.sender_list set ended_at = $4, ended_by = $5, ended_why = $6
      where domain = $1 and source = $2 and is_service = $3 and ended_at is null`,
    [subject.domain, subject.source, subject.service !== null, now, word.by, word.why],
  );
  return rowCount === 1;
}

/**
 * Has the analyzer look at the sources concerned, and the watcher at the records of their domains: what it
 * says of senders that fail is about none that somebody has denied.
 * @returns the number of these sources
 */
async function lookAgain(tx: Tx, subject: Subject, now: Date): Promise<number> {
  await tx.query(
    `update ruawatch.dns_watch w set due_at = $3
      where w.due_at > $3 and case when $1 <> '*' then w.domain = $1 else exists (
              select from ruawatch.sources s where s.domain = w.domain and $2 in (s.source, s.grouped_as)) end`,
    [subject.domain, subject.source, now],
  );
  return analyzeAgain(tx, subject);
}

/**
 * Notes sources for the analyzer, whose sweep finds them: the source itself, with those that sign with its
 * keys, since a network may carry nothing but its mail; or those of a service's domains.
 */
async function analyzeAgain(tx: Tx, { domain, source, service }: Subject): Promise<number> {
  const names = service?.domains ?? [];
  const { rowCount } = await tx.query(
    `insert into ruawatch.analysis_work (domain, source)
     select s.domain, s.source
       from ruawatch.sources s
      where ($1 = '*' or s.domain = $1) and ${isOwnSql('s.domain')}
        and case when $2 then
              s.source = any($3::text[]) or s.grouped_as = $5 or s.source like any($4::text[])
              or exists (select from ruawatch.source_days d
                          where d.domain = s.domain and d.source = s.source
                            and (d.signing_domain = any($3::text[]) or d.signing_domain like any($4::text[])))
            else s.source = $5 or s.source in (
              select other.source from ruawatch.selector_days own
                join ruawatch.selector_days other
                  on other.domain = own.domain and other.signing_domain = own.signing_domain and other.selector = own.selector
               where own.domain = s.domain and own.source = $5 and own.selector <> '' and own.passed > 0 and other.passed > 0) end`,
    [domain, service !== null, names, names.map((name) => `%.${name.replace(/[\\_%]/g, '\\$&')}`), source],
  );
  return rowCount!;
}
