import type { z } from 'zod';
import * as rows from './api-rows.ts';
import { type Reader, read, type View } from './scope.ts';

/** A list of the API: the rows of a view in the order of their key, page by page. */
export interface List {
  views: readonly View[];
  /** What is selected from: a view of `views`, or a query in parentheses. */
  from: string;
  row: z.ZodObject;
  /** Columns of the row that say where a page ends; all in one direction. */
  key: readonly string[];
  newestFirst: boolean;
  /** The conditions that may be asked for, with `?` for the value. */
  filters: Readonly<Record<string, string>>;
  /** What is selected for a column that is not simply the view's. */
  as?: Readonly<Record<string, string>>;
}

const OPEN = `('draft', 'pending', 'approved', 'applying', 'active', 'handed_over')`;

/**
 * What happened to a domain; times are cut to what JSON keeps, so that a page begins where the one before it
 * ended.
 */
const TIMELINE = `(
  select date_trunc('milliseconds', at) as at, md5(concat_ws('|', what, event, subject, actor, summary, finding_key, request_key)) as id,
         what, event, subject, actor, summary, finding_key, request_key
    from timeline where domain = ?) as timeline`;

const list = (view: View, given: Omit<List, 'views' | 'from' | 'filters'> & Partial<Pick<List, 'filters'>>): List => ({
  views: [view],
  from: view,
  filters: {},
  ...given,
});

export const LISTS = {
  domains: list('domains', {
    row: rows.domainRow,
    key: ['domain'],
    newestFirst: false,
    filters: { state: 'state = ?', search: 'strpos(domain, ?) > 0' },
  }),
  sources: list('sources', {
    row: rows.sourceRow,
    key: ['source'],
    newestFirst: false,
    filters: { domain: 'domain = ?', class: 'class = ?', seen_since: 'last_seen >= ?' },
  }),
  class_changes: list('class_changes', {
    row: rows.classChangeRow,
    key: ['at', 'source'],
    newestFirst: true,
    filters: { domain: 'domain = ?', source: 'source = ?' },
  }),
  senders: list('sender_list', {
    row: rows.senderRow,
    key: ['entry_key'],
    newestFirst: true,
    filters: { domain: 'domain = ?', holding: 'ended_at is null = ?' },
  }),
  records: list('dns_records', {
    row: rows.recordRow,
    key: ['purpose', 'name', 'type', 'value'],
    newestFirst: false,
    filters: { domain: 'domain = ?', published: 'published = ?', purpose: 'purpose = ?' },
  }),
  timeline: {
    views: ['timeline'],
    from: TIMELINE,
    row: rows.timelineRow,
    // Much may happen at one moment: a row has no number of its own, so it is known by all it says.
    key: ['at', 'id'],
    newestFirst: true,
    filters: { since: 'at >= ?' },
  } satisfies List,
  findings: list('findings', {
    row: rows.findingRow,
    key: ['finding_key'],
    newestFirst: true,
    filters: {
      state: 'state = ?',
      severity: 'severity = ?',
      domain: 'domain = ?',
      kind: 'kind = ?',
      changed_since: 'changed_at >= ?',
    },
  }),
  reports: list('reports', {
    row: rows.reportRow,
    key: ['report_key'],
    newestFirst: true,
    filters: {
      domain: 'domain = ?',
      reporter: 'reporter = ?',
      trust: 'trust = ?',
      salvaged: 'salvaged = ?',
      begin_since: 'begin_at >= ?',
    },
  }),
  report_records: list('records', {
    row: rows.reportRecordRow,
    key: ['n'],
    newestFirst: false,
    filters: { report_key: 'report_key = ?', begin_at: 'begin_at = ?' },
    as: { source_ip: 'host(source_ip) as source_ip' },
  }),
  quarantine: list('messages', {
    row: rows.messageRow,
    key: ['message_key'],
    newestFirst: true,
    filters: { states: 'state = any(?::text[])' },
  }),
  requests: list('requests', {
    row: rows.requestRow,
    key: ['request_key'],
    newestFirst: true,
    filters: { domain: 'domain = ?', state: 'state = ?', open: `state in ${OPEN} = ?` },
  }),
  grants: list('grants', {
    row: rows.grantRow,
    key: ['grant_key'],
    newestFirst: true,
    filters: { domain: 'domain = ?', holder: 'holder = ?', open: "state not in ('ended', 'void') = ?" },
  }),
  onboardings: list('onboardings', {
    row: rows.onboardingRow,
    key: ['request_key'],
    newestFirst: true,
    filters: { domain: 'domain = ?', state: 'state = ?' },
    as: { contract_ends: 'contract_ends::text as contract_ends' },
  }),
  acts: list('console_acts', {
    row: rows.actRow,
    key: ['act_key'],
    newestFirst: true,
    filters: { act: 'act = ?', by: 'by_name = ?', domain: 'domain = ?', since: 'at >= ?' },
  }),
  audit: list('audit', { row: rows.auditRow, key: ['number'], newestFirst: false, filters: { verb: 'verb = ?' } }),
} as const;

/** Where a page begins: the key of the last row of the one before. */
export type After = readonly (string | number)[];

export interface Page<Row> {
  items: Row[];
  /** Where the next page begins; null on the last one. */
  next: After | null;
}

/**
 * One page of a list: what the person may see.
 * @param filters values by the name of the filter; undefined ones do not count
 * @param bound the values of the `?` in `from`, which come first
 */
export async function pageOf<Row extends Record<string, unknown>>(
  reader: Reader,
  { views, from, row, key, newestFirst, filters: known, as = {} }: List,
  filters: Readonly<Record<string, unknown>>,
  { after, limit, bound = [] }: { after: After | null; limit: number; bound?: readonly unknown[] },
): Promise<Page<Row>> {
  const values: unknown[] = [];
  const put = (sql: string, ...given: unknown[]) => {
    let at = 0;
    return sql.replace(/\?/g, () => `$${values.push(given[at++])}`);
  };
  const source = put(from, ...bound);
  const conditions = Object.entries(filters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => put(known[name]!, value));
  if (after !== null)
    conditions.push(put(`(${key.join(', ')}) ${newestFirst ? '<' : '>'} (${after.map(bind).join(', ')})`, ...after));
  const columns = Object.keys(row.shape).map((column) => as[column] ?? column);
  const found = await read<Row>(
    reader,
    views,
    `select ${columns.join(', ')} from ${source}
      ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}
      order by ${key.map((column) => (newestFirst ? `${column} desc` : column)).join(', ')} limit ${put('?', limit + 1)}`,
    values,
  );
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const keyOf = (one: Row) => key.map((column) => jsonOf(one[column]));
  return { items, next: found.length > limit && last !== undefined ? keyOf(last) : null };
}

/** Numbers of a cursor may be larger than the column they are compared with. */
const bind = (value: string | number): string => (typeof value === 'number' ? '?::bigint' : '?');

const jsonOf = (value: unknown): string | number =>
  value instanceof Date ? value.toISOString() : ((value as string | number | null) ?? 0);

/** One row of a list; null when there is none that the person may see. */
export async function rowOf<Row extends Record<string, unknown>>(
  reader: Reader,
  { view, row, where, as = {} }: { view: View; row: z.ZodObject; where: string; as?: Readonly<Record<string, string>> },
  value: unknown,
): Promise<Row | null> {
  const columns = Object.keys(row.shape).map((column) => as[column] ?? column);
  const [found] = await read<Row>(reader, [view], `select ${columns.join(', ')} from ${view} where ${where} = $1`, [value]);
  return found ?? null;
}
