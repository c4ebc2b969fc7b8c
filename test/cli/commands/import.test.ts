import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { importPaths } from '../../../services/cli/commands/import.ts';
import type { ImportSummary } from '../../../services/cli/terminal/import-text.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { ruawatchOnce } from '../../helpers/process.ts';
import { reportMail, reportXml } from '../../helpers/report.ts';

const SAMPLES = path.resolve(import.meta.dirname, '../../../../shared/samples');
const samplesPresent = existsSync(SAMPLES);

let t: TestDatabase;
let folder: string;
beforeEach(async () => {
  t = await testDatabase();
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-import-'));
});
afterEach(async () => {
  await t.drop();
  rmSync(folder, { recursive: true, force: true });
});

const importJson = async (...paths: string[]): Promise<ImportSummary> => {
  const { code, stdout, stderr } = await ruawatchOnce(['import', ...paths, '--json'], { DATABASE_URL: t.url });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as ImportSummary;
};

test('files, folders, an mbox and a Maildir go in; every file is accounted for; a second import changes nothing', async () => {
  const mail = (id: string) =>
    reportMail(reportXml({ id, rows: [{ count: 2 }, { ip: '203.0.113.5', count: 1 }] }), { unique: id });
  writeFileSync(path.join(folder, 'bare.xml'), reportXml({ id: 'bare' }));
  writeFileSync(path.join(folder, 'bare.xml.gz'), gzipSync(reportXml({ id: 'gz' })));
  writeFileSync(path.join(folder, 'note.txt'), 'remember the milk');
  writeFileSync(path.join(folder, 'broken.xml'), '<feedback><report_metadata>');
  mkdirSync(path.join(folder, 'Maildir/cur'), { recursive: true });
  mkdirSync(path.join(folder, 'Maildir/new'));
  mkdirSync(path.join(folder, 'Maildir/tmp'));
  writeFileSync(path.join(folder, 'Maildir/cur/1.a:2,S'), mail('cur'));
  writeFileSync(path.join(folder, 'Maildir/new/2.b'), mail('new'));
  writeFileSync(path.join(folder, 'Maildir/tmp/3.c'), mail('unfinished'));
  // A text line that begins like a separator is none: it has no time and year.
  const inText = (raw: Buffer) =>
    raw
      .toString('latin1')
      .replaceAll('\r\n', '\n')
      .replace('This is a report.', 'This is a report.\n\nFrom here on it is binary.');
  const separated = ['one', 'two', 'three'].map(
    (id) => `From reporter@reporter.example Tue Sep  1 00:00:00 2026\n${inText(mail(id))}\n`,
  );
  writeFileSync(path.join(folder, 'reports.mbox'), separated.join(''), 'latin1');
  writeFileSync(path.join(folder, 'again.eml'), mail('cur'));

  const first = await importJson(folder);
  expect(first).toMatchObject({ messages: 10, reports: 7, records: 12, failed: [] });
  expect(first.ignored.map((i) => path.basename(i.file))).toEqual(['note.txt']);
  expect(first.quarantined).toMatchObject([
    { file: expect.stringMatching(/broken\.xml$/), code: expect.any(String), reason: expect.stringMatching(/\.$/) },
  ]);
  expect(first.known + first.duplicates).toBeGreaterThan(0);
  const { rows } = await t.db.query('select report_id from dmarc.reports order by 1');
  expect(rows.map((r) => r.report_id)).toEqual(['bare', 'cur', 'gz', 'new', 'one', 'three', 'two']);

  const second = await importJson(folder);
  expect(second).toMatchObject({ messages: 10, reports: 0, records: 0, duplicates: 8, known: 10 });
  const { rows: sums } = await t.db.query('select sum(messages) as n from dmarc.source_days');
  expect(sums).toEqual([{ n: 1 + 1 + 5 * 3 }]);
});

test('what a mail says of itself is stored with it; of a file that is no mail, when it was changed', async () => {
  writeFileSync(path.join(folder, 'a.eml'), reportMail(reportXml({ id: 'a' }), { unique: 'a' }));
  writeFileSync(path.join(folder, 'b.xml'), reportXml({ id: 'b' }));
  utimesSync(path.join(folder, 'b.xml'), 1_700_000_000, 1_700_000_000);
  await importJson(folder);
  const { rows } = await t.db.query(
    'select sender, subject, message_id, received_at, mailbox from ruawatch.messages order by received_at',
  );
  expect(rows).toEqual([
    { sender: null, subject: null, message_id: null, received_at: new Date(1_700_000_000_000), mailbox: 'import' },
    {
      sender: 'dmarc@reporter.example',
      subject: 'Report Domain: example.com Submitter: reporter.example',
      message_id: '<a@reporter.example>',
      received_at: new Date(Date.UTC(2026, 8, 2)),
      mailbox: 'import',
    },
  ]);
});

test('a file above the size limit is recorded with its reason and never read into memory', async () => {
  const file = path.join(folder, 'large.eml');
  writeFileSync(file, Buffer.alloc(2_000_000, 'x'));
  writeFileSync(path.join(folder, 'ruawatch.yaml'), 'limits:\n  mailBytes: 1000000\n');
  const { code, stdout } = await ruawatchOnce(['import', file, '--json'], { DATABASE_URL: t.url }, folder);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ messages: 1, quarantined: [{ file, code: 'mail_too_large' }] });
});

test('large files are read in batches of a few, so that memory holds some megabytes of them', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) writeFileSync(path.join(folder, name), `${name}${' '.repeat(5 * 2 ** 20)}`);
  const context = testContext(t);
  context.config.parser.concurrency = 1;
  const seen: number[] = [];
  try {
    await importPaths(context, [folder], (summary) => seen.push(summary.messages));
  } finally {
    await context.queues.close();
  }
  expect(seen).toEqual([2, 4, 5]);
});

describe.skipIf(!samplesPresent)(
  `the shared samples${samplesPresent ? '' : ' (SKIPPED: ../shared/samples is not there)'}`,
  () => {
    test('every file is accounted for, and every report of expected.tsv has just its records and messages', async () => {
      const summary = await importJson(SAMPLES);
      const files = readdirSync(SAMPLES, { recursive: true, encoding: 'utf8' }).filter((f) =>
        statSync(path.join(SAMPLES, f)).isFile(),
      );
      const { rows: archived } = await t.db.query<{ n: number }>('select count(*) as n from dmarc.messages');
      expect(archived[0]!.n + summary.known).toBe(summary.messages);
      expect(summary.messages).toBeGreaterThanOrEqual(files.length);
      expect(summary.failed).toEqual([]);

      const { rows } = await t.db.query<{
        org_name: string | null;
        report_id: string;
        domain: string;
        begin: number;
        end: number;
        records: number;
        messages: number;
        standing: boolean;
      }>(
        `select p.org_name, p.report_id, p.domain, extract(epoch from p.begin_at)::float8 as begin, extract(epoch from p.end_at)::float8 as end,
              count(r.n) as records, coalesce(sum(r.count), 0) as messages, p.superseded_by is null as standing
         from ruawatch.reports p left join ruawatch.records r using (report_key) group by p.report_key`,
      );
      const key = (r: { org_name: string | null; report_id: string; begin: number; end: number }) =>
        JSON.stringify([r.org_name ?? '', r.report_id, r.begin, r.end]);
      const byKey = new Map<string, typeof rows>();
      for (const row of rows) byKey.set(key(row), [...(byKey.get(key(row)) ?? []), row]);

      const [header, ...lines] = readFileSync(path.join(SAMPLES, 'expected.tsv'), 'utf8').trim().split('\n');
      const names = header!.split('\t');
      const wrong: string[] = [];
      let compared = 0;
      for (const line of lines) {
        const cells = Object.fromEntries(line.split('\t').map((cell, i) => [names[i]!, cell]));
        if (cells.strict_xml !== 'report') continue;
        compared++;
        const wanted = {
          org_name: cells.org_name || null,
          report_id: cells.report_id!,
          begin: Number(cells.begin),
          end: Number(cells.end),
        };
        const rivals = byKey.get(key(wanted)) ?? [];
        const fits = rivals.filter((r) => r.records === Number(cells.records) && r.messages === Number(cells.messages));
        // Rule 6: of one identity with two contents one stands. Only such a pair may keep a line from the
        // standing view.
        const outranked = fits.length > 0 && !fits.some((r) => r.standing) && rivals.some((r) => r.standing);
        if (fits.length === 0 || !(fits.some((r) => r.standing) || outranked))
          wrong.push(`${cells.file}: wanted ${cells.records}/${cells.messages}, have ${JSON.stringify(rivals)}`);
      }
      expect(wrong).toEqual([]);
      expect(compared).toBe(237);
    });
  },
);
