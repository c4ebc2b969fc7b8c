import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importPaths } from '../../services/cli/commands/import.ts';
import type { ImportSummary } from '../../services/cli/terminal/import-text.ts';
import { openPool } from '../../services/shared/runtime/db.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { receive, reportMail, reportXml } from '../helpers/report.ts';

const REPORTS = 600;

let t: TestDatabase;
let context: Context;
let folder: string;
beforeEach(async () => {
  t = await testDatabase();
  context = { ...testContext(t), db: openPool(t.url, { name: 'the import', max: 4 }) };
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-retry-'));
  for (let n = 0; n < REPORTS; n++) writeFileSync(path.join(folder, `${n}.eml`), mail(n));
});
afterEach(async () => {
  await context.queues.close();
  await context.db.end();
  await t.drop();
  rmSync(folder, { recursive: true, force: true });
});

const mail = (n: number) =>
  reportMail(reportXml({ id: `r${n}`, rows: [{ count: 2 }, { ip: '198.51.100.1' }] }), { unique: `${n}` });

test('an import whose connections break goes on, and its numbers are right', async () => {
  let summary: ImportSummary | null = null;
  const done = importPaths(context, [folder], () => undefined).then((s) => {
    summary = s;
  });
  let cuts = 0;
  while (summary === null && cuts < 5) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    const { rows } = await t.db.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'the import' and datname = current_database()",
    );
    if (rows.length > 0) cuts++;
  }
  await done;
  expect(cuts).toBeGreaterThan(0);
  expect(summary).toMatchObject({ messages: REPORTS, reports: REPORTS, records: 2 * REPORTS, known: 0, failed: [] });
  const { rows } = await t.db.query('select sum(messages) as messages from ruawatch.source_days');
  expect(rows).toEqual([{ messages: 3 * REPORTS }]);
}, 120_000);

test('what an import that was broken off has left waiting is parsed by the next', async () => {
  await receive(t, [mail(0), mail(1)]);
  const summary = await importPaths(context, [folder], () => undefined);
  expect(summary).toMatchObject({ messages: REPORTS, reports: REPORTS, known: 0, failed: [] });
}, 120_000);
