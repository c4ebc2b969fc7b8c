import { createHash } from 'node:crypto';
import { addDays } from '../../shared/days.ts';
import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { noteDomains } from '../analysis/note-work.ts';
import { jsonInsert } from '../json-insert.ts';
import { plain, rowsJson } from '../sql-text.ts';

/** What was found of a name before it changed. */
export interface LookalikeBefore {
  mail_hosts: readonly string[];
  dmarc: string;
}

/**
 * What is known of a name that may be mistaken for a domain: a row of ruawatch.lookalikes without its domain.
 */
export interface StoredLookalike {
  name: string;
  /** As people see it. */
  shown: string;
  kind: string;
  /** How unlike the domain it is; lower is more alike. */
  rank: number;
  asked_at: Date | null;
  /** The first answer. */
  answered_at: Date | null;
  /** Null: never answered. */
  registered: boolean | null;
  /** Registered at the first answer: it was there before the watch. */
  baseline: boolean;
  first_seen: Date | null;
  gone_at: Date | null;
  servers: readonly string[];
  /** Null: never answered; so is `dmarc`, where '' is "no record". */
  mail_hosts: readonly string[] | null;
  dmarc: string | null;
  /** Most likely a registration of the domain's owner. */
  yours: boolean;
  change: 'registered' | 'mail' | 'dmarc' | null;
  changed_at: Date | null;
  before: LookalikeBefore | null;
  ignored_at: Date | null;
  ignored_by: string | null;
  ignored_why: string | null;
}

const COLUMNS = `name, shown, kind, rank, asked_at, answered_at, registered, baseline, first_seen, gone_at, servers, mail_hosts, dmarc, yours,
  change, changed_at, before, ignored_at, ignored_by, ignored_why`;

/** A candidate. */
export type Candidate = Pick<StoredLookalike, 'name' | 'shown' | 'kind' | 'rank'>;

/** Days after which the candidates of a domain are compared with those stored. */
const LIST_DAYS = 1;

/** The own domains whose candidates were not listed for a day. */
export async function unlistedDomains(db: Db, now: Date, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ domain: string }>(
    `select d.domain from ruawatch.domains d left join ruawatch.lookalike_lists l on l.domain = d.domain
      where d.state = 'own' and (l.listed_at is null or l.listed_at <= $1::timestamptz - make_interval(days => ${LIST_DAYS}))
      order by l.listed_at nulls first, d.domain limit $2`,
    [now, limit],
  );
  return rows.map(({ domain }) => domain);
}

/** All own domains: none of them is a look-alike of another. */
export async function ownNames(db: Db): Promise<Set<string>> {
  const { rows } = await db.query<{ domain: string }>("select domain from ruawatch.domains where state = 'own'");
  return new Set(rows.map(({ domain }) => domain));
}

const insertCandidates = jsonInsert<Candidate & { domain: string; due_at: Date }>(
  'ruawatch.lookalikes',
  {
    domain: ['text', (row) => row.domain],
    name: ['text', (row) => row.name],
    shown: ['text', (row) => row.shown],
    kind: ['text', (row) => row.kind],
    rank: ['real', (row) => row.rank],
    due_at: ['timestamptz', (row) => row.due_at],
  },
  'on conflict (domain, name) do update set shown = excluded.shown, kind = excluded.kind, rank = excluded.rank',
);

/**
 * Stores the candidates of a domain. Those that are candidates no longer go, except what was found registered
 * or is ignored.
 */
export async function storeCandidates(db: Db, domain: string, names: readonly Candidate[], now: Date): Promise<void> {
  const digest = createHash('sha256').update(rowsJson(names)).digest('hex');
  await transaction(db, async (tx) => {
    const { rows } = await tx.query<{ before: string | null }>(
      `insert into ruawatch.lookalike_lists as l (domain, listed_at, digest) values ($1, $2, '')
       on conflict (domain) do update set listed_at = excluded.listed_at returning l.digest as before`,
      [domain, now],
    );
    if (rows[0]!.before === digest) return;
    await insertCandidates(
      tx,
      names.map((one) => ({ ...one, domain, due_at: now })),
    );
    await tx.query(
      `delete from ruawatch.lookalikes where domain = $1 and first_seen is null and ignored_at is null and name <> all($2::text[])`,
      [domain, names.map(({ name }) => name)],
    );
    await tx.query('update ruawatch.lookalike_lists set digest = $2 where domain = $1', [domain, digest]);
  });
}

/** A name that is due to be asked about. */
export type DueLookalike = StoredLookalike & { domain: string };

const IS_DUE = `due_at <= $1 and ignored_at is null
  and exists (select from ruawatch.domains d where d.domain = l.domain and d.state = 'own')`;

/** How many names are due, up to a limit. */
export async function countDueLookalikes(db: Db, now: Date, limit: number): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `select count(*) as n from (select from ruawatch.lookalikes l where ${IS_DUE} limit $2) due`,
    [now, limit],
  );
  return rows[0]!.n;
}

/**
 * Takes the names that have been due longest, the most similar of these first, and leases them.
 * @param until the end of the lease
 */
export async function takeLookalikes(db: Db, now: Date, until: Date, limit: number): Promise<DueLookalike[]> {
  const { rows } = await db.query<DueLookalike>(
    `with due as materialized (
       select domain, name from ruawatch.lookalikes l
        where ${IS_DUE}
        order by due_at, rank, domain, name limit $3 for update of l skip locked)
     update ruawatch.lookalikes l set due_at = $2 from due where l.domain = due.domain and l.name = due.name
     returning l.domain, ${COLUMNS.replace(/\b(\w+)\b/g, 'l.$1')}`,
    [now, until, limit],
  );
  return rows;
}

/** Stores what an answer made of a name. Something to report lets the domain be analyzed. */
export async function storeLookalike(
  db: Db,
  domain: string,
  after: StoredLookalike,
  { due, news }: { due: Date; news: boolean },
): Promise<void> {
  await transaction(db, async (tx) => {
    const { rowCount } = await tx.query(
      `update ruawatch.lookalikes set due_at = $3, asked_at = $4, answered_at = $5, registered = $6, baseline = $7, first_seen = $8,
         gone_at = $9, servers = $10, mail_hosts = $11, dmarc = $12, yours = $13, change = $14, changed_at = $15, before = $16
        where domain = $1 and name = $2`,
      [
        domain,
        after.name,
        due,
        after.asked_at,
        after.answered_at,
        after.registered,
        after.baseline,
        after.first_seen,
        after.gone_at,
        after.servers,
        after.mail_hosts,
        after.dmarc,
        after.yours,
        after.change,
        after.changed_at,
        after.before && rowsJson(after.before),
      ],
    );
    if (news && rowCount === 1) await noteDomains(tx, [domain]);
  });
}

/**
 * Takes questions from what is left of a day's budget, which all processes share.
 * @param day YYYY-MM-DD
 * @returns how many may be asked
 */
export async function takeQuestions(db: Db, day: string, wanted: number, budget: number): Promise<number> {
  return transaction(db, async (tx) => {
    await tx.query('insert into ruawatch.lookalike_days (day, questions) values ($1, 0) on conflict do nothing', [day]);
    const { rows } = await tx.query<{ questions: number }>(
      'select questions from ruawatch.lookalike_days where day = $1 for update',
      [day],
    );
    const given = Math.max(0, Math.min(wanted, budget - rows[0]!.questions));
    await tx.query('update ruawatch.lookalike_days set questions = questions + $2 where day = $1', [day, given]);
    return given;
  });
}

/** Gives back questions that were not asked. */
export async function returnQuestions(db: Db, day: string, unused: number): Promise<void> {
  await db.query('update ruawatch.lookalike_days set questions = greatest(0, questions - $2) where day = $1', [day, unused]);
}

/** Days whose number of questions is kept. */
const DAYS_KEPT = 30;

/** Deletes what is stored of domains that are not own any more. @param day YYYY-MM-DD */
export async function forgetLookalikes(db: Db, day: string): Promise<void> {
  await db.query(
    `with left_over as (
       delete from ruawatch.lookalike_lists l
        where not exists (select from ruawatch.domains d where d.domain = l.domain and d.state = 'own') returning domain)
     delete from ruawatch.lookalikes where domain in (select domain from left_over)`,
  );
  await db.query('delete from ruawatch.lookalike_days where day < $1', [addDays(day, -DAYS_KEPT)]);
}

/** Notes that a look-alike does not matter. @returns false when it is not watched */
export async function ignoreLookalike(
  db: Db,
  { domain, name }: { domain: string; name: string },
  { by, why }: { by: string; why: string },
  now: Date,
): Promise<boolean> {
  return transaction(db, async (tx) => {
    const { rowCount } = await tx.query(
      'update ruawatch.lookalikes set ignored_at = $3, ignored_by = $4, ignored_why = $5 where domain = $1 and name = $2',
      [domain, name, now, plain(by), plain(why)],
    );
    await noteDomains(tx, rowCount === 0 ? [] : [domain]);
    return rowCount === 1;
  });
}

/** Watches a look-alike again that was ignored. @returns false when it is not among the names */
export async function watchLookalikeAgain(db: Db, domain: string, name: string, now: Date): Promise<boolean> {
  return transaction(db, async (tx) => {
    const { rowCount } = await tx.query(
      `update ruawatch.lookalikes set ignored_at = null, ignored_by = null, ignored_why = null, due_at = least(due_at, $3)
        where domain = $1 and name = $2`,
      [domain, name, now],
    );
    await noteDomains(tx, rowCount === 0 ? [] : [domain]);
    return rowCount === 1;
  });
}

/** What changed of the look-alikes of a domain since they were first asked about. */
export async function loadChangedLookalikes(tx: Tx, domain: string): Promise<StoredLookalike[]> {
  const { rows } = await tx.query<StoredLookalike>(
    `select ${COLUMNS} from ruawatch.lookalikes where domain = $1 and change is not null order by rank, name`,
    [domain],
  );
  return rows;
}

/**
 * The look-alikes that are or were registered, by domain, the most similar first. @param domains null: of all
 */
export async function listLookalikes(q: Queryable, domains: readonly string[] | null): Promise<DueLookalike[]> {
  const { rows } = await q.query<DueLookalike>(
    `select domain, ${COLUMNS} from ruawatch.lookalikes
      where first_seen is not null and ($1::text[] is null or domain = any($1)) order by domain, rank, name`,
    [domains],
  );
  return rows;
}
