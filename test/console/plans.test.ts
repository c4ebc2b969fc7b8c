import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ROUTES } from '../../services/console/pages/index.ts';
import { trustShares } from '../../services/store/console/health.ts';
import { BOOKS, fillArchive, TODAY } from '../docs/archive.ts';
import { type TestConsole, testConsole } from './setup.ts';

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  Plans?: Plan[];
}

/** Tables that have a row for each record, report or mail: their size is that of the archive. */
const LARGE = /^(?:records(?:_\w+)?|reports|messages|message_raw)$/;

let c: TestConsole;
beforeAll(async () => {
  c = await testConsole({ now: () => new Date(`${TODAY}T15:30:00Z`) });
  await fillArchive(c.t);
  await c.t.db.query('analyze');
});
afterAll(async () => {
  await c?.close();
});

/** Indexes of what waits alone, or went wrong. */
const SMALL = ['messages_waiting', 'messages_trouble'];

/** Where a plan reads all of a large table, or of an index of it, other than in order up to a limit. */
function* wholeReads(plan: Plan, indexes: ReadonlyMap<string, string>, limited = false): Generator<string> {
  const table = plan['Relation Name'] ?? indexes.get(plan['Index Name'] ?? '') ?? '';
  const kind = plan['Node Type'];
  if (LARGE.test(table)) {
    if (kind === 'Seq Scan') yield `all of ${table}`;
    const all = /Index/.test(kind) && plan['Index Cond'] === undefined && !limited;
    if (all && !SMALL.includes(plan['Index Name'] ?? '')) yield `all of ${plan['Index Name']}`;
  }
  const sorts = kind === 'Sort' || kind === 'Aggregate' || kind === 'Hash';
  for (const part of plan.Plans ?? []) yield* wholeReads(part, indexes, kind === 'Limit' || (limited && !sorts));
}

/** What the statements read whole, though a planner that avoids that could do otherwise. */
async function readWhole(statements: ReadonlyMap<string, unknown[]>): Promise<string[]> {
  const client = await c.t.db.connect();
  const found: string[] = [];
  try {
    const { rows: all } = await client.query<{ index: string; table: string }>(
      `select indexname as index, tablename as table from pg_indexes where schemaname = 'ruawatch'`,
    );
    const indexes = new Map(all.map(({ index, table }) => [index, table]));
    // In a database this small, a planner would read everything; what is asked is whether it has another way.
    for (const name of ['seqscan', 'hashjoin', 'mergejoin']) await client.query(`set enable_${name} = off`);
    for (const [text, values] of statements) {
      const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(`explain (format json) ${text}`, values);
      for (const what of wholeReads(rows[0]!['QUERY PLAN'][0].Plan, indexes)) found.push(`${what}: ${text}`);
    }
  } finally {
    await client.query('reset all');
    client.release();
  }
  return found;
}

/** The address of a route, with what the archive has in the place of its parameters. */
async function addressOf(path: string): Promise<string> {
  const first = async (sql: string) => String((await c.t.db.query<{ key: string }>(sql, [])).rows[0]?.key ?? 0);
  const table = /reports/.test(path)
    ? /tls/.test(path)
      ? 'tls_reports'
      : /failure/.test(path)
        ? 'failure_reports'
        : 'reports'
    : /messages|quarantine/.test(path)
      ? 'messages'
      : 'findings';
  const column = {
    tls_reports: 'tls_report_key',
    failure_reports: 'failure_key',
    reports: 'report_key',
    messages: 'message_key',
  };
  const key = column[table as keyof typeof column] ?? 'finding_key';
  return path
    .replace(':domain', BOOKS)
    .replace(':month', TODAY.slice(0, 7))
    .replace(
      ':sender',
      encodeURIComponent(await first(`select source as key from ruawatch.sources where domain = '${BOOKS}' limit 1`)),
    )
    .replace(':key', await first(`select min(${key}) as key from ruawatch.${table}`));
}

/** Parameters without which these say what is missing. */
const QUERIES: Record<string, string> = {
  '/api/v1/domains/:domain/days': `?from=2026-10-01&to=${TODAY}`,
  '/api/v1/sent-messages': '?id=a@example.com',
};
/** Pages for those who are not signed in, and of held mails, whose rows in the archive have no evidence. */
const ELSEWHERE = [
  ...['/sign-in', '/link/:token', '/sign-in/company', '/sign-in/company/return'],
  ...['/held/:key', '/held-for-me', '/api/v1/held/:key'],
];

test('no page of the console, and nothing of the API, reads all records, reports or mails', async () => {
  const admin = await c.person('admin', null);
  const asked = vi.spyOn(pg.Client.prototype, 'query');
  const unanswered: string[] = [];
  let answered = 0;
  for (const { method, path, kind } of ROUTES) {
    if (method !== 'GET' || ELSEWHERE.includes(path)) continue;
    const url = `${await addressOf(path)}${QUERIES[path] ?? ''}`;
    const { statusCode } = kind === 'api' ? await admin.api('GET', url) : await admin.get(url);
    if (statusCode === 200) answered++;
    else unanswered.push(`${path} ${statusCode}`);
  }
  const statements = new Map<string, unknown[]>();
  for (const [first, second] of asked.mock.calls as unknown as [string | { text: string; values?: unknown[] }, unknown][]) {
    const text = typeof first === 'string' ? first : first.text;
    const values = typeof first === 'string' ? (Array.isArray(second) ? second : []) : (first.values ?? []);
    if (/^\s*(?:select|with)\b/i.test(text) && !text.includes('pg_')) statements.set(text, values);
  }
  asked.mockRestore();
  expect(unanswered).toEqual([]);
  expect(answered).toBeGreaterThan(40);
  expect(statements.size).toBeGreaterThan(60);
  expect(await readWhole(statements)).toEqual([]);
});

/** How a plan finds reports, other than the newest of a domain. */
function* waysToReports(plan: Plan): Generator<string> {
  if (/^reports_/.test(plan['Index Name'] ?? '')) yield plan['Index Name']!;
  for (const part of plan.Plans ?? []) if (part['Node Type'] !== 'Limit') yield* waysToReports(part);
}

test('reports of the last days are not looked for by domain, however few own domains Postgres knows of', async () => {
  const asked: [string, unknown[]][] = [];
  const query = async (...given: [string, unknown[]]) => {
    asked.push(given);
    return { rows: [] };
  };
  const db = { query } as never;
  await trustShares({ db, scope: { all: true } } as never, new Date('2020-01-01'), 30);
  const [[text, values]] = asked as [[string, unknown[]]];
  const client = await c.t.db.connect();
  try {
    await client.query('begin');
    for (const name of ['seqscan', 'hashjoin', 'mergejoin']) await client.query(`set local enable_${name} = off`);
    await client.query("update ruawatch.domains set state = 'observed' where domain <> $1", [BOOKS]);
    await client.query('analyze ruawatch.domains');
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(`explain (format json) ${text}`, values);
    expect([...waysToReports(rows[0]!['QUERY PLAN'][0].Plan)]).not.toContain('reports_domain');
  } finally {
    await client.query('rollback');
    client.release();
  }
});
