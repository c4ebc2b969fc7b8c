import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMetrics } from '../../services/shared/runtime/metrics.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

const folder = path.resolve(import.meta.dirname, '../../deploy/grafana');
const files = readdirSync(folder).sort();

interface Panel {
  id: number;
  title: string;
  type: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets: { rawSql?: string; expr?: string; format?: string }[];
}
interface Board {
  uid: string;
  title: string;
  panels: Panel[];
  templating: { list: { name: string; query: string }[] };
}
const boards = files.map((name) => [name, JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Board] as const);

/** As Grafana fills in its macros. */
const filled = (sql: string) =>
  sql
    .replaceAll('$__timeFrom()', "'2026-08-15T10:00:00Z'")
    .replaceAll('$__timeTo()', "'2026-09-14T10:00:00Z'")
    .replaceAll('$domain', 'example.com');

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase();
  await t.db.query(
    `insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now()) on conflict do nothing`,
  );
});
afterAll(() => t.drop());

test('there is a dashboard for each part', () => {
  expect(files).toEqual(['domain.json', 'overview.json', 'pipeline.json', 'reporters.json', 'sources.json']);
  expect(new Set(boards.map(([, { uid }]) => uid)).size).toBe(files.length);
});

describe.each(boards)('%s', (_, board) => {
  const queries = board.panels.flatMap((panel) => panel.targets.map((target) => [panel.title, panel, target] as const));
  test('has panels that do not overlap, each with a query', () => {
    expect(new Set(board.panels.map(({ id }) => id)).size).toBe(board.panels.length);
    expect(queries).toHaveLength(board.panels.length);
    for (const a of board.panels)
      for (const b of board.panels) {
        const beside = a.gridPos.x + a.gridPos.w <= b.gridPos.x || b.gridPos.x + b.gridPos.w <= a.gridPos.x;
        const below = a.gridPos.y + a.gridPos.h <= b.gridPos.y || b.gridPos.y + b.gridPos.h <= a.gridPos.y;
        expect(a === b || beside || below, `${a.title}, ${b.title}`).toBe(true);
      }
  });

  test.each(queries.filter(([, , { rawSql }]) => rawSql !== undefined))(
    'the query of "%s" runs',
    async (_, panel, { rawSql, format }) => {
      const sql = filled(rawSql!);
      expect(sql).not.toContain('$');
      // Documented views alone: what Grafana's role may read.
      expect(sql).not.toMatch(/ruawatch\./);
      const { fields } = await t.db.query(sql);
      if (format === 'time_series') expect(fields[0]!.name, panel.title).toBe('time');
    },
  );

  test.each(board.templating.list.map((one) => [one.name, one.query]))('the variable %s is filled', async (_, query) => {
    expect((await t.db.query(query)).rows.map((row) => row.domain)).toContain('example.com');
  });
});

const known = new Set((await createMetrics().registry.getMetricsAsJSON()).map(({ name }) => name));
/** The metrics that an expression names. */
const metricsIn = (expression: string) => [
  ...new Set((expression.match(/ruawatch_\w+/g) ?? []).map((name) => name.replace(/_(?:bucket|sum|count)$/, ''))),
];

test('expressions name metrics that there are', () => {
  const named = boards.flatMap(([, { panels }]) =>
    panels.flatMap(({ targets }) => targets.flatMap(({ expr = '' }) => metricsIn(expr))),
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
  const rules = readFileSync(path.resolve(folder, '../prometheus/alerts.yaml'), 'utf8');
  expect(metricsIn(rules).filter((name) => !known.has(name))).toEqual([]);
});
