import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runParse } from '../../../services/cli/commands/parse.ts';
import { zipOf } from '../../report/archives.ts';
import { mailWith, parseLines as parse, recordXml, reportXml } from '../../report/build.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ruawatch-parse-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const withId = (id: string): string => reportXml().replace('<report_id>r-1<', `<report_id>${id}<`);

test('prints a line for each report in files, folders, archives and mbox files', async () => {
  await mkdir(path.join(folder, 'a', 'b'), { recursive: true });
  await writeFile(path.join(folder, 'a', '1.xml'), withId('one'));
  await writeFile(
    path.join(folder, 'a', 'b', '2.zip'),
    await zipOf([
      { name: 'x.xml', data: withId('two') },
      { name: 'y.xml', data: withId('three') },
    ]),
  );
  await writeFile(path.join(folder, 'a', 'c.txt'), 'no report');
  const mails = ['four', 'five'].map((id) => `From x@y Fri May  1 12:00:00 2026\n${mailWith(gzipSync(withId(id)))}\n`);
  await writeFile(path.join(folder, 'd.mbox'), mails.join(''));
  const lines = await parse(folder);
  expect(lines.map((line) => line.report_id ?? (line.error as { code: string }).code)).toEqual([
    'one',
    'two',
    'three',
    'not_a_mail',
    'four',
    'five',
  ]);
  expect(lines.map((line) => path.relative(folder, line.file as string))).toEqual([
    'a/1.xml',
    'a/b/2.zip',
    'a/b/2.zip',
    'a/c.txt',
    'd.mbox#1',
    'd.mbox#2',
  ]);
});

test('a folder without a file is said, and nothing is printed for programs', async () => {
  const empty = path.join(folder, 'empty');
  await mkdir(path.join(empty, 'below'), { recursive: true });
  const printed: string[] = [];
  const said: string[] = [];
  const output = new Writable({
    write(chunk, _, done) {
      printed.push(String(chunk));
      done();
    },
  });
  expect(await runParse([empty], output, (line) => said.push(line))).toBe(0);
  expect([printed, said]).toEqual([[], ['There was no file to read under the given paths.']]);
});

test('prints the fields of the contract', async () => {
  const file = path.join(folder, 'one.xml');
  await writeFile(file, reportXml());
  const [line] = (await parse(file)) as [Record<string, unknown>];
  expect(Object.keys(line)).toEqual([
    'file',
    'kind',
    'org_name',
    'org_email',
    'report_id',
    'domain',
    'begin',
    'end',
    'policy',
    'salvaged',
    'problems',
    'records',
  ]);
  const [record] = line.records as [object];
  expect(Object.keys(record)).toEqual([
    'source_ip',
    'count',
    'disposition',
    'dkim',
    'spf',
    'reasons',
    'header_from',
    'envelope_from',
    'envelope_to',
    'auth',
    'dkim_aligned',
    'spf_aligned',
  ]);
});

test('a report of any size is one line, its records in their order', async () => {
  const file = path.join(folder, 'large.xml.gz');
  const comment = 'c'.repeat(1_000);
  const records = Array.from({ length: 12_000 }, (_, i) =>
    recordXml({ count: i }).replace('</policy_evaluated>', `<reason><comment>${comment}</comment></reason></policy_evaluated>`),
  ).join('');
  const second = withId('second').slice(withId('second').indexOf('<feedback>'));
  await writeFile(file, gzipSync(`${reportXml(records)}${second}`));
  const lines = await parse(file);
  expect(lines.map((line) => [line.report_id, (line.records as unknown[]).length])).toEqual([
    ['r-1', 12_000],
    ['second', 1],
  ]);
  expect((lines[0]!.records as Array<{ count: number }>).map(({ count }) => count)).toEqual(
    Array.from({ length: 12_000 }, (_, i) => i),
  );
});

test('a path that does not exist is one sentence that names it', async () => {
  await expect(parse(path.join(folder, 'missing'))).rejects.toThrow(/^There is no file or folder .*missing\.$/);
});
