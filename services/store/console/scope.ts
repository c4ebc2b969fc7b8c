import type { QueryResultRow } from 'pg';
import { RULES_OF_OTHERS } from '../../findings/kinds/index.ts';
import type { PlaceOfOthers } from '../../findings/of-others.ts';
import { PermanentError } from '../../shared/errors.ts';
import type { Queryable } from '../../shared/runtime/db.ts';
import type { Kept } from './page-cache.ts';

/** Which domains a person may see. */
export interface Scope {
  /** Everything, also what belongs to no domain. */
  all: boolean;
  /** The known domains that are granted, or lie below one that is; not used with `all`. */
  domains: readonly string[];
}

/** Who reads, and from what. */
export interface Reader {
  db: Queryable;
  scope: Scope;
  /** Where sums may be some seconds old: of pages that are read. */
  kept?: Kept;
}

/** The views that have a column `domain`, by which their rows are chosen. */
export const BY_DOMAIN = [
  'domains',
  'findings',
  'finding_events',
  'reports',
  'superseded_reports',
  'records',
  'source_days',
  'reporter_days',
  'domain_days',
  'class_days',
  'reporters',
  'sources',
  'sender_groups',
  'sender_group_days',
  'sender_list',
  'class_changes',
  'policy_days',
  'subdomain_days',
  'selectors',
  'dns_records',
  'untrusted_reports',
  'tls_reports',
  'tls_failures',
  'failure_reports',
  'missing_reports',
  'requests',
  'decisions',
  'timeline',
  'sent_messages',
  'posture',
  'dns_findings',
  'lookalikes',
  'held_messages',
  'grants',
  'onboardings',
  'console_acts',
] as const;
/** The views whose domain has another name. */
const COLUMN: Record<string, string> = { tls_reports: 'policy_domain', tls_failures: 'policy_domain' };
/** What is no view: analysts, who read all views, need not know from where people sign in. */
const TABLE: Record<string, string> = { console_acts: 'ruawatch.console_acts' };
/** Views whose rows belong to no domain: for those who see everything. */
export const OF_ALL = ['messages', 'addresses', 'audit'] as const;

export type View = (typeof BY_DOMAIN)[number] | (typeof OF_ALL)[number];

/**
 * SQL: the findings of a person's domains, without what they say of domains that are not the person's. The
 * stored sentences say it, too; pages make theirs of the facts.
 */
function ofOneDomain(domains: string): string {
  const cases = [...RULES_OF_OTHERS].map(([kind, places]) => `when '${kind}' then ${withoutOthers(places)}`);
  return `select t.* from dmarc.findings f
     cross join lateral jsonb_populate_record(f, case f.kind ${cases.join('\n       ')} else '{}' end) t
    where f.domain = any(${domains}::text[])`;
}

/** SQL: the columns of a finding `f` that speak of other domains, as an object without that. */
function withoutOthers(places: readonly PlaceOfOthers[]): string {
  const at = ({ path }: PlaceOfOthers) => `'{${['facts', ...path].join(',')}}'`;
  const evidence = places.reduce(
    (sql, place) => `jsonb_set(${sql}, ${at(place)}, '${JSON.stringify(place.value)}', false)`,
    'f.evidence',
  );
  const summaries = places.flatMap(({ summary, ...place }) =>
    summary === undefined
      ? []
      : `case when coalesce(f.evidence #> ${at(place)}, '${JSON.stringify(place.value)}') = '${JSON.stringify(place.value)}'
              then f.summary else '${summary} ' || f.domain end`,
  );
  return `jsonb_build_object('evidence', ${evidence} - 'what' - 'advice'${summaries.map((sql) => `, 'summary', ${sql}`).join('')})`;
}

/**
 * Reads what a person may see. Every query of the console goes through here: it names the views by
 * themselves, without a schema, and they have the person's rows only.
 * @param views those that the query reads
 * @param sql begins with `select`, or with `, name as (…) select`
 * @throws PermanentError `not_yours` for a view that the person may not read
 */
export async function read<Row extends QueryResultRow>(
  { db, scope }: Reader,
  views: readonly View[],
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const own = views.map((view) => {
    const from = TABLE[view] ?? `dmarc.${view}`;
    if (scope.all) return `${view} as not materialized (select * from ${from})`;
    if ((OF_ALL as readonly string[]).includes(view))
      throw new PermanentError(
        'not_yours',
        'This page is about the whole installation: only people who see all domains may read it.',
      );
    if (view === 'findings') return `${view} as not materialized (${ofOneDomain(`$${values.length + 1}`)})`;
    return `${view} as not materialized (select * from ${from} where ${COLUMN[view] ?? 'domain'} = any($${values.length + 1}::text[]))`;
  });
  const { rows } = await db.query<Row>(`with ${own.join(', ')} ${sql}`, scope.all ? [...values] : [...values, scope.domains]);
  return rows;
}

/**
 * The same for lists and sums that many people look at: they may be as old as kept.ts says where the reader
 * has such answers.
 */
export async function readKept<Row extends QueryResultRow>(
  reader: Reader,
  views: readonly View[],
  sql: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  const ask = () => read<Row>(reader, views, sql, values);
  return reader.kept === undefined ? ask() : reader.kept.of(JSON.stringify([views, sql, values, reader.scope]), ask);
}

/** Whether a person may see a domain. */
export function sees(scope: Scope, domain: string): boolean {
  return scope.all || scope.domains.includes(domain);
}

/**
 * The scope of granted domains: they themselves, and all known domains below them.
 * @param granted lower case, A-labels
 */
export async function scopeOf(db: Queryable, granted: readonly string[]): Promise<Scope> {
  const { rows } = await db.query<{ domain: string }>(
    `select domain from ruawatch.domains d
      where exists (select from unnest($1::text[]) g
                     where d.domain = g or right(d.domain, length(g) + 1) = '.' || g)`,
    [granted],
  );
  return { all: false, domains: [...new Set([...granted, ...rows.map((row) => row.domain)])] };
}
