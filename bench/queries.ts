import { readFileSync } from 'node:fs';
import path from 'node:path';
import type pg from 'pg';
import { openPool } from '../services/shared/runtime/db.ts';
import { fillArchive } from './archive.ts';
import type { StageInput } from './input.ts';
import { type Measure, measure } from './measure.ts';

/** Sources that stand in the place of the document's example. */
const SOURCE = 'misaligned-3.example';

/**
 * What docs/queries.md says: how a session begins, and the questions, each with its title and the statement
 * that psql would send.
 */
export function documentedQueries(): { preamble: string; questions: { title: string; sql: string }[] } {
  // From the sources and from dist/ alike.
  const root = path.resolve(import.meta.dirname, import.meta.dirname.includes(`${path.sep}dist${path.sep}`) ? '../..' : '..');
  const document = readFileSync(path.join(root, 'docs', 'queries.md'), 'utf8');
  const preamble = /^```sql\n(.*?)^```$/ms.exec(document)![1]!;
  const questions = [...document.matchAll(/^## (\d+\. .*?)$.*?^```sql\n(.*?)^```$/gms)].map(([, title, block]) => ({
    title: title!,
    sql: block!.replace(/^\\set .*\n/gm, '').replaceAll(":'source'", `'${SOURCE}'`),
  }));
  return { preamble, questions };
}

/**
 * Every documented query on an archive of `input.records` records, made first: a warm-up, then `input.runs`
 * runs, of which the median by time counts.
 */
export async function queries(_stage: string, input: StageInput): Promise<Measure[]> {
  const db = openPool(input.databaseUrl!, { max: 2 });
  const say = (line: string) => process.stderr.write(`queries: ${line}\n`);
  try {
    const size = await fillArchive(db, input.records!, say);
    say(JSON.stringify(size));
    const client = await db.connect();
    try {
      const { preamble, questions } = documentedQueries();
      await client.query(preamble);
      const lines: Measure[] = [];
      for (const [i, query] of questions.entries()) {
        lines.push(await timed(client, { ...query, stage: `query_${String(i + 1).padStart(2, '0')}` }, size, input));
      }
      return lines;
    } finally {
      client.release();
    }
  } finally {
    await db.end();
  }
}

async function timed(
  client: pg.PoolClient,
  { stage, title, sql }: { stage: string; title: string; sql: string },
  size: { reports: number; records: number },
  input: StageInput,
): Promise<Measure> {
  await client.query(sql);
  const runs: Measure[] = [];
  for (let run = 0; run < Math.max(3, input.runs ?? 3); run++) {
    let rows = 0;
    const measured = await measure(stage, input.postmaster, async () => {
      rows = (await client.query(sql)).rows.length;
      return { mails: 0, reports: size.reports, records: size.records };
    });
    runs.push({ ...measured, note: `${rows} rows; ${title}` });
  }
  return runs.sort((a, b) => a.seconds - b.seconds)[Math.floor(runs.length / 2)]!;
}
