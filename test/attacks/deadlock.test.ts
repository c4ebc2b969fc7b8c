import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importPaths } from '../../services/cli/commands/import.ts';
import { emptyResult } from '../../services/parser/batch-result.ts';
import { parseWithFallback } from '../../services/parser/parse-with-fallback.ts';
import { readInThisThread } from '../../services/parser/reading/pool.ts';
import { isTransient } from '../../services/shared/errors.ts';
import { persist } from '../../services/shared/retry.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { BEGIN, DAY, receive, reportMail, reportXml } from '../helpers/report.ts';

/** `.ci/full` takes minutes and larger reports. */
const SECONDS = Number(process.env.DEADLOCK_SECONDS ?? 6);
const RECORDS = Number(process.env.DEADLOCK_RECORDS ?? 5_500);
const PARSERS = 4;
const IMPORTS = 2;

let t: TestDatabase;
let context: Context;
let folder: string;
beforeEach(async () => {
  t = await testDatabase({ max: 24 });
  context = testContext(t);
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-deadlock-'));
});
afterEach(async () => {
  await context.queues.close();
  await t.drop();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * A report above what is written at once; all name the same sources, and half of them those of the other
 * domain's order.
 */
function mail(n: number, who: string): Buffer {
  const domain = n % 2 === 0 ? 'a.example' : 'b.example';
  const rows = Array.from({ length: RECORDS }, (_, i) => ({ ip: `10.${(i % 400) >> 8}.${i % 256}.${1 + (i % 250)}`, count: 1 }));
  return reportMail(reportXml({ id: `${who}-${n}`, domain, begin: BEGIN + (n % 3) * DAY, rows }), { unique: `${who}-${n}` });
}

test(
  'parsers and imports at the same domains, several reports a transaction, never deadlock, and every row is there',
  async () => {
    const until = Date.now() + SECONDS * 1000;
    let reports = 0;
    const readers = readInThisThread({});
    const parser = async (who: number) => {
      for (let round = 0; Date.now() < until; round++) {
        // Some begin with one domain and some with the other.
        const mails = Array.from({ length: 3 }, (_, n) => mail(n + who + round, `p${who}.${round}.${n}`));
        reports += mails.length;
        // A connection may take long on a busy machine.
        const waiting = await persist(
          () => receive(t, mails),
          () => undefined,
        );
        for (;;) {
          try {
            await parseWithFallback(context, waiting, context.log, { readers });
            break;
          } catch (error) {
            if (!isTransient(error)) throw error;
          }
        }
      }
      return emptyResult();
    };
    const importer = async (who: number) => {
      for (let round = 0; Date.now() < until; round++) {
        const at = path.join(folder, `i${who}.${round}`);
        mkdirSync(at);
        for (let n = 0; n < 3; n++) writeFileSync(path.join(at, `${n}.eml`), mail(n + who + round, `i${who}.${round}.${n}`));
        reports += 3;
        const summary = await importPaths(context, [at], () => undefined);
        expect(summary).toMatchObject({ reports: 3, failed: [] });
      }
    };
    await Promise.all([
      ...Array.from({ length: PARSERS }, (_, who) => parser(who)),
      ...Array.from({ length: IMPORTS }, (_, who) => importer(who)),
    ]);

    await t.db.query('select pg_stat_force_next_flush()').catch(() => undefined);
    const { rows } = await t.db.query('select deadlocks from pg_stat_database where datname = current_database()');
    const { rows: stored } = await t.db.query(
      `select (select count(*) from ruawatch.reports) as reports, (select count(*) from ruawatch.records) as records,
              (select count(*) from ruawatch.messages where state <> 'stored') as others,
              (select sum(messages) from ruawatch.source_days) as summed`,
    );
    expect(rows).toEqual([{ deadlocks: 0 }]);
    expect(stored).toEqual([{ reports, records: reports * RECORDS, others: 0, summed: reports * RECORDS }]);
    expect(reports).toBeGreaterThanOrEqual(6 * 3);
  },
  (SECONDS + 240) * 1000,
);
