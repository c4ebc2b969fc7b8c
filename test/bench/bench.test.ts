import { createHash } from 'node:crypto';
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateLoad, largeReport, reportSizes, type Spread } from '../../bench/load.ts';
import { LOADS } from '../../bench/loads.ts';
import { MAKES, reportOf } from '../../bench/makes.ts';
import type { Measure } from '../../bench/measure.ts';
import { STAGES } from '../../bench/stages.ts';
import { type Line, median, ratioToFloor, table } from '../../bench/table.ts';
import { Random } from '../../demo/random.ts';
import { readMessage } from '../../services/report/read-mail.ts';
import { testDatabase } from '../helpers/database.ts';
import { draws } from '../helpers/full.ts';

const MAILS = 40;
let folder: string;
const expected = { records: 0, messages: 0 };

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-bench-test-'));
  let n = 0;
  for await (const mail of generateLoad({ seed: 7, mails: MAILS })) {
    writeFileSync(path.join(folder, `${String(++n).padStart(7, '0')}.eml`), mail.raw);
    expected.records += mail.records;
    expected.messages += mail.messages;
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function digest(seed: number): Promise<string> {
  const hash = createHash('sha256');
  for await (const { raw } of generateLoad({ seed, mails: 10 })) hash.update(raw);
  return hash.digest('hex');
}

test('the load is the same for a seed, another for another, and as large as the facts say for any', async () => {
  expect(await digest(3)).toBe(await digest(3));
  expect(await digest(3)).not.toBe(await digest(4));
  for (const seed of ['a', 'b']) {
    const sizes = reportSizes(5_000, new Random(seed));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(118_655);
    expect([...sizes].sort((a, b) => a - b)[2_500]).toBe(3);
  }
});

test.each(Object.entries(MAKES))('a report of the make %s has its records, no two of them alike', async (_name, make) => {
  const { xml: bytes } = reportOf(make, { records: 50, seed: 'x' });
  expect(reportOf(make, { records: 50, seed: 'x' }).xml).toEqual(bytes);
  const texts = new Set<string>();
  for await (const event of readMessage(bytes)) {
    if (event.type === 'records') for (const record of event.records) texts.add(JSON.stringify(record));
    else expect(event).toMatchObject({ type: 'report', report: { records: 50, problems: [], domain: 'example.com' } });
  }
  expect(texts.size).toBe(50);
});

test.each(Object.entries(LOADS))(
  'each mail of the load "%s" is read with the records and messages it says',
  async (_name, write) => {
    for await (const { raw, ...said } of write({ seed: 3, mails: 8, sources: 'pool' })) {
      let messages = 0;
      for await (const event of readMessage(raw)) {
        if (event.type === 'records') for (const record of event.records) messages += record.count;
        else
          expect(event).toMatchObject({ type: 'report', report: { records: said.records, problems: [], domain: said.domain } });
      }
      expect(messages).toBe(said.messages);
    }
  },
);

test('the mail of a domain comes from few sources again and again, or from anywhere', async () => {
  const ratio = async (sources: Spread) => {
    const seen = new Set<string>();
    let records = 0;
    for await (const { raw, domain } of generateLoad({ seed: 1, mails: 400, sources })) {
      let found: string[] = [];
      for await (const event of readMessage(raw)) {
        if (event.type === 'records') found.push(...event.records.map((record) => record.source));
        else if (event.type === 'report') {
          records += found.length;
          for (const source of found) seen.add(`${domain} ${event.report.org_name} ${source}`);
          found = [];
        }
      }
    }
    return seen.size / records;
  };
  expect(await ratio('pool')).toBeLessThan(0.5);
  expect(await ratio('random')).toBeGreaterThan(0.65);
});

test('the reading stages see every report and record of the load', async () => {
  for (const stage of ['floor_read', 'read']) {
    const measured = await STAGES[stage]!(stage, { path: folder, databaseUrl: null, postmaster: null });
    expect(measured).toMatchObject({ stage, mails: MAILS, reports: MAILS, records: expected.records });
  }
});

test('store and import leave the same rows, and the floor copies as many records', async () => {
  const totals = [];
  for (const stage of ['floor_copy', 'store', 'import']) {
    const database = await testDatabase();
    const measured = await STAGES[stage]!(stage, { path: folder, databaseUrl: database.url, postmaster: null });
    expect(measured).toMatchObject({ stage, mails: MAILS, reports: MAILS, records: expected.records });
    const { rows } = await database.db.query(
      `select (select sum(count) from ruawatch.records) as records, (select count(*) from dmarc.reports) as reports,
              (select sum(messages) from dmarc.source_days) as days,
              (select count(*) from dmarc.messages where state = 'stored') as stored`,
    );
    totals.push(rows[0]);
    await database.drop();
  }
  const { messages } = expected;
  expect(totals).toEqual([
    { records: messages, reports: 0, days: null, stored: 0 },
    { records: messages, reports: MAILS, days: messages, stored: MAILS },
    { records: messages, reports: MAILS, days: messages, stored: MAILS },
  ]);
});

test('a large report is written as a stream and read whole by both large stages', async () => {
  const file = path.join(folder, '..', `${path.basename(folder)}.xml.gz`);
  try {
    await pipeline(largeReport({ seed: 1, records: 3_000 }), createWriteStream(file));
    for (const stage of ['large_floor_read', 'large_read']) {
      const measured = await STAGES[stage]!(stage, { path: file, databaseUrl: null, postmaster: null });
      expect(measured).toMatchObject({ reports: 1, records: 3_000 });
    }
  } finally {
    rmSync(file, { force: true });
  }
});

test('the milter passes every signed mail of its stage', async () => {
  const database = await testDatabase();
  try {
    const input = { path: folder, databaseUrl: database.url, postmaster: null, mails: 40 };
    const measured = (await STAGES.milter!('milter', input)) as Measure;
    expect(measured).toMatchObject({ stage: 'milter', mails: 40 });
    expect(measured.note).toMatch(/^\d+ mails a second of CPU; the slowest took [\d.]+ s$/);
  } finally {
    await database.drop();
  }
});

test('the archive is consistent, every documented query runs on it, and most of them find something', async () => {
  const database = await testDatabase();
  const lines = (await STAGES.queries!('queries', {
    path: folder,
    databaseUrl: database.url,
    postmaster: null,
    records: 20_000,
    runs: 1,
  })) as Measure[];
  expect(lines.map(({ stage }) => stage)).toEqual(
    Array.from({ length: 15 }, (_, i) => `query_${String(i + 1).padStart(2, '0')}`),
  );
  expect(lines.filter(({ note }) => !note!.startsWith('0 rows')).length).toBeGreaterThanOrEqual(11);
  const { rows } = await database.db.query(
    `select (select sum(count) from ruawatch.records) = (select sum(messages) from ruawatch.source_days) as days,
            (select sum(count) from ruawatch.records) = (select sum(messages) from ruawatch.reports) as reports,
            (select sum(count) from ruawatch.records) = (select sum(messages) from ruawatch.sources) as sources,
            (select sum(reports) from ruawatch.policy_days) = (select count(*) from ruawatch.reports) as policies`,
  );
  expect(rows[0]).toEqual({ days: true, reports: true, sources: true, policies: true });
  expect(lines[0]!.records).toBeGreaterThan(10_000);
  await database.drop();
});

test('the analyzer judges the new day of every domain over a history of rollups', async () => {
  const database = await testDatabase();
  const measured = (await STAGES.analyze!('analyze', {
    path: folder,
    databaseUrl: database.url,
    postmaster: null,
    domains: draws(50, 12),
    records: draws(44_444, 10_667),
    runs: 1,
  })) as Measure;
  expect(measured.records).toBe(draws(22_222, 5_333));
  expect(measured.note).toMatch(/of \d+ domains; history: \d+ rollup rows of 2 days$/);
  const { rows } = await database.db.query('select from ruawatch.analysis_work');
  expect(rows).toEqual([]);
  await database.drop();
});

const measured = (stage: string, seconds: number, peak_rss_mb = 100): Measure => ({
  stage,
  mails: 10,
  reports: 10,
  records: 1_000,
  seconds,
  mails_per_s: Math.round(10 / seconds),
  records_per_s: Math.round(1_000 / seconds),
  mb_per_s: null,
  cpu_s: seconds,
  server_cpu_s: null,
  peak_rss_mb,
});

test('of several runs the median counts, with the greatest memory of all; ratios are to the floor of the same size', () => {
  expect(median([measured('read', 4), measured('read', 1, 300), measured('read', 2)])).toMatchObject({
    seconds: 2,
    peak_rss_mb: 300,
  });
  const floor = measured('floor_read', 1);
  expect(ratioToFloor(measured('read', 2), [floor])).toBe(0.5);
  expect(ratioToFloor({ ...measured('read', 2), records: 5 }, [floor])).toBeNull();
  expect(ratioToFloor(floor, [floor])).toBeNull();
});

test('the table shows the memory of each process, alike ones as a range', () => {
  const line: Line = {
    ...measured('scale_2', 1),
    processes: {
      'parser-1': { cpu_s: 1, peak_rss_mb: 150 },
      'parser-2': { cpu_s: 1, peak_rss_mb: 170 },
      poller: { cpu_s: 1, peak_rss_mb: 90 },
    },
    ratio_to_floor: null,
    runs: 1,
    node: 'v20',
    commit: null,
    cpu: 'test',
  };
  expect(table([line], null)).toMatch(/\| parser 150 to 170, poller 90 \|$/);
});

test('the table shows the change against an earlier run', () => {
  const line = (m: Measure): Line => ({ ...m, ratio_to_floor: null, runs: 1, node: 'v20', commit: null, cpu: 'test' });
  const shown = table([line(measured('read', 2)), line(measured('import', 1))], [line(measured('read', 4, 200))]).split('\n');
  expect(shown[2]).toMatch(/^\| read .* \+100 % \| +-50 % \|$/);
  expect(shown[3]).toMatch(/ new \| +\|$/);
});
