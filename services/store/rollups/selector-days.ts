import type { Tx } from '../../shared/runtime/db.ts';
import { beginRange, kept, recordsOf } from '../schema/partitions.ts';
import { KEY_LENGTH } from '../sql-text.ts';
import { added, OTHER_SOURCES, sumOf } from './allowance.ts';
import { limitNames, type OverAllowance, type RollupChange } from './over-allowance.ts';

/**
 * SQL: the record's signature as the report's domain, a name of it, or one above it, that says which key it
 * was made with: of several one that passed, and then the first by name, as reporters list them in any order.
 * Selector and signing domain are separated by a line break, which neither contains.
 */
const signatureOf = (signatures: string, report: string) => `
       select left(lower(d ->> 'selector'), ${KEY_LENGTH}) || E'\\n' || left(n.name, ${KEY_LENGTH}) as key, coalesce(d ->> 'result' = 'pass', false) as passed
         from jsonb_array_elements(${signatures}) d
        cross join lateral (select rtrim(lower(d ->> 'domain'), '.') as name) n
        where d ->> 'selector' <> '' and strpos(n.name, '.') > 0
          and (n.name = ${report}.domain or right(n.name, length(${report}.domain) + 1) = '.' || ${report}.domain
               or right(${report}.domain, length(n.name) + 1) = '.' || n.name)
        order by 2 desc, 1 limit 1`;

const COUNTS = ['messages', 'passed'];

/**
 * Does what rollUp does for the keys that mail is signed with. Every record counts under one key at most.
 * Beyond a report's allowance, which is one of sources and keys together, the rest is counted as one.
 */
export async function rollUpSelectors(tx: Tx, changes: readonly RollupChange[], over: OverAllowance): Promise<void> {
  const within = sumOf(changes.map(({ size }) => size.messages));
  const { cte, name, join, params } = limitNames(over, 7, { among: 'signed', rest: `'${OTHER_SOURCES}' || E'\\n\\n'` });
  // A large report repeats the same signatures: what they say is looked for once.
  const [dkim, aligned] = ["r.auth -> 'dkim'", 'r.dkim_aligned or r.spf_aligned'];
  const repeated = `
       select p.key, p.domain, p.begin_at, p.reporter, p.trust, p.sign, r.source, ${dkim} as dkim,
              ${over.keys.length === 0 ? `${aligned} as aligned, r.count` : `bool_or(${aligned}) as aligned, sum(r.count)::bigint as count`}
         from given p
        cross join lateral (${recordsOf('p', '$4', '$5')}) r
        ${over.keys.length === 0 ? '' : 'group by 1, 2, 3, 4, 5, 6, 7, 8'}`;
  await tx.query(
    `with given as materialized (
       select p.report_key as key, p.report_key, p.domain, p.begin_at, s.sign, s.trust, s.reporter
         from unnest($1::bigint[], $2::integer[], $3::text[], $6::text[]) as s(key, sign, trust, reporter)
         join ruawatch.reports p on p.report_key = s.key
        where p.domain <> ''),
     signed as materialized (
       select p.key, p.domain, p.source || E'\\n' || k.key as name, (p.begin_at at time zone 'UTC')::date as day,
              p.reporter, p.trust, p.sign, p.count, p.aligned, k.passed
         from (${repeated}) p
        cross join lateral (${signatureOf('p.dkim', 'p')}) k),
     ${cte}delta as (
       select domain, split_part(name, E'\\n', 1) as source, split_part(name, E'\\n', 3) as signing_domain,
              split_part(name, E'\\n', 2) as selector, day, reporter, trust,
              ${within('sum(sign * count)')} as messages, ${within('sum(sign * count) filter (where passed)')} as passed
         from (select s.domain, ${name} as name, s.day, s.reporter, s.trust, s.sign, s.count, s.passed
                 from signed s ${join}) named
        group by 1, 2, 3, 4, 5, 6, 7)
     insert into ruawatch.selector_days as d (domain, source, signing_domain, selector, day, reporter, trust, ${COUNTS.join(', ')})
     select domain, source, signing_domain, selector, day, reporter, trust, ${COUNTS.join(', ')}
       from delta where ${kept('selector_days')}
      order by domain, source, signing_domain, selector, day, reporter, trust
     on conflict (domain, source, signing_domain, selector, day, reporter, trust) do update
        set ${COUNTS.map((of) => `${of} = ${added('d', of)}`).join(', ')}`,
    [
      changes.map((c) => c.key),
      changes.map((c) => c.sign),
      changes.map((c) => c.trust),
      ...beginRange(changes),
      changes.map((c) => c.reporter),
      ...params,
    ],
  );
}

/** Does what dropEmptyPending does for the keys. */
export async function dropEmptyPendingSelectors(
  tx: Tx,
  { keys, reporters }: { keys: readonly number[]; reporters: readonly string[] },
  from: string,
  to: string,
): Promise<void> {
  await tx.query(
    `with empty as materialized (
       select d.domain, d.source, d.signing_domain, d.selector, d.day, d.reporter
         from (select distinct p.domain, (p.begin_at at time zone 'UTC')::date as day, s.reporter
                 from unnest($1::bigint[], $4::text[]) as s(key, reporter) join ruawatch.reports p on p.report_key = s.key) t
         join ruawatch.selector_days d using (domain, day, reporter)
        where d.day between ($2::timestamptz at time zone 'UTC')::date and ($3::timestamptz at time zone 'UTC')::date
          and d.trust = 'pending' and d.messages = 0
          for update of d skip locked)
     delete from ruawatch.selector_days d using empty e
      where d.domain = e.domain and d.source = e.source and d.signing_domain = e.signing_domain and d.selector = e.selector
        and d.day = e.day and d.reporter = e.reporter and d.trust = 'pending'
        and d.day between ($2::timestamptz at time zone 'UTC')::date and ($3::timestamptz at time zone 'UTC')::date`,
    [keys, from, to, reporters],
  );
}
