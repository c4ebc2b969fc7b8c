import type { Queryable, Tx } from '../../shared/runtime/db.ts';
import { sumOf } from './allowance.ts';
import { addedCounts, filled, type Totals } from './fill.ts';

/** The counts of ruawatch.class_days: sums of those of ruawatch.source_days. */
const CLASS_COUNTS = [
  'messages',
  'passed',
  'failed_forwarded',
  'failed_subdomain',
  'delivered',
  'quarantined',
  'rejected',
] as const;

/** The totals of the classes, of a database from before them: by the classes of today. */
export const CLASS_DAYS: Totals = {
  table: 'class_days',
  keys: ['domain', 'class', 'day', 'reporter'],
  counts: CLASS_COUNTS,
  from: 'ruawatch.source_days d join (select domain, source, class from ruawatch.sources) s using (domain, source)',
};

const FILLED = filled('class_days');
const ADDED = addedCounts(CLASS_COUNTS);

/**
 * SQL: the common table expressions that add the proven part of rollUp's `delta` to the totals of the
 * classes.
 *
 * The class is the one that `totals` returns, from the rows that it has locked: who changes a class waits
 * until these reports are there, and moves them with the others, or has changed it before. A window, and not
 * a join, whose two sides the planner takes for a few rows and would compare each with each.
 */
export const classDaysSql = (within: (sum: string) => string) => `classed as (
       select day, reporter, domain, max(class) over (partition by domain, source) as class, ${CLASS_COUNTS.join(', ')}
         from (select domain, source, day, reporter, null as class, ${CLASS_COUNTS.join(', ')} from delta where trust = 'ok'
               union all
               select domain, source, null, null, class, ${CLASS_COUNTS.map(() => 'null').join(', ')} from totals) t),
     class_totals as (
       insert into ruawatch.class_days as d (domain, class, day, reporter, ${CLASS_COUNTS.join(', ')})
       select domain, class, day, reporter, ${CLASS_COUNTS.map((name) => within(`sum(${name})`)).join(', ')}
         from classed where ${FILLED}
        group by domain, class, day, reporter order by domain, class, day, reporter
       on conflict (domain, class, day, reporter) do update set ${ADDED})`;

/** A source that has another class than before. */
export interface ClassChange {
  source: string;
  was: string;
  class: string;
}

/**
 * Moves the mail of sources to their new classes. The transaction has changed them before, in a statement of
 * its own: their rows are locked, so that all mail which the parser counted by the old class is seen here,
 * and what it counts from now on has the new one. Called when the transaction locks no more sources, as the
 * parser locks them first.
 */
export async function moveClassDays(tx: Tx, domain: string, changes: readonly ClassChange[]): Promise<void> {
  if (changes.length === 0) return;
  const capped = sumOf([Number.MAX_VALUE]);
  const { rows: empty } = await tx.query<{ class: string; day: string; reporter: string }>(
    `with changed as (
       select c.*, s.first_seen, s.last_seen from jsonb_to_recordset($2::jsonb) as c(source text, was text, class text)
         join ruawatch.sources s on s.domain = $1 and s.source = c.source),
     moved as (
       insert into ruawatch.class_days as d (domain, class, day, reporter, ${CLASS_COUNTS.join(', ')})
       select $1, v.class, t.day, t.reporter, ${CLASS_COUNTS.map((name) => capped(`sum(v.sign * t.${name})`)).join(', ')}
         from changed c
        cross join lateral (select * from ruawatch.source_days
                             where domain = $1 and source = c.source and trust = 'ok' and messages <> 0
                               and day between c.first_seen and c.last_seen and ${FILLED} offset 0) t
        cross join lateral (values (c.was, -1), (c.class, 1)) v(class, sign)
        group by v.class, t.day, t.reporter order by v.class, t.day, t.reporter
       on conflict (domain, class, day, reporter) do update set ${ADDED}
       returning d.class, d.day, d.reporter, d.messages)
     select class, day, reporter from moved where messages = 0`,
    [domain, JSON.stringify(changes)],
  );
  if (empty.length === 0) return;
  await tx.query(
    `delete from ruawatch.class_days d using unnest($2::text[], $3::date[], $4::text[]) as e(class, day, reporter)
      where d.domain = $1 and d.class = e.class and d.day = e.day and d.reporter = e.reporter and d.messages = 0`,
    [domain, empty.map((one) => one.class), empty.map(({ day }) => day), empty.map(({ reporter }) => reporter)],
  );
}

/**
 * Since when days have their totals, in a database that was upgraded and lacks earlier ones.
 * @returns YYYY-MM-DD; 'none' before the first is added up; null when all days have them
 */
export async function classDaysSince(db: Queryable): Promise<string | null> {
  const { rows } = await db.query<{ since: string | null }>(
    `select case when isfinite(from_day) then to_char(from_day, 'YYYY-MM-DD') when from_day = 'infinity' then 'none' end as since
       from ruawatch.class_days_from`,
  );
  return rows[0]?.since ?? null;
}
