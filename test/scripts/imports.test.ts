import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const SCRIPT = path.resolve('scripts/imports.mjs');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-imports-'));
  execFileSync('git', ['init', '-q'], { cwd: folder });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What the rule says against a tree of these files. */
function against(files: Record<string, string>): string[] {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.join(folder, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  return spawnSync(process.execPath, [SCRIPT], { cwd: folder, encoding: 'utf8' }).stderr.trim().split('\n').filter(Boolean);
}

test.each([
  ["db.query('select 1');"],
  ['db.query<{ version: string }>("select current_setting(\'server_version\') as version");'],
  ["const STATEMENT = 'select count(*) from ruawatch.messages'; db.query(STATEMENT);"],
  ['export const TAKE = `with due as (select 1) update ruawatch.messages m set queued_at = now()`;'],
  ["client.query({ text: 'begin' });"],
  ["run('lock table ruawatch.migrations in exclusive mode');"],
  ["run('drop schema if exists dmarc cascade');"],
  ["run('set local lock_timeout = 5');"],
])('SQL outside of store/ is found: %s', (line) => {
  const found = against({ 'services/cli/a.ts': line, 'services/store/b.ts': line });
  expect(found).not.toEqual([]);
  for (const problem of found) expect(problem).toMatch(/^services\/cli\/a\.ts: SQL belongs in services\/store\//);
});

test.each([
  ["out('Select one of the domains from the list.');"],
  ["out('Create the user, or correct its name.');"],
  ['out("select * from dmarc.findings where state = \'open\'");'],
  ["out('Set a day to return to p=none.');"],
  ['// select * from ruawatch.messages\nexport const a = 1;'],
])('a sentence, a comment or a query for people is none: %s', (line) => {
  expect(against({ 'services/cli/a.ts': line })).toEqual([]);
});

test('a folder that is not named, a forbidden import and a cycle of types are found', () => {
  expect(
    against({
      'services/other/a.ts': "import '../shared/x.ts';",
      'services/shared/x.ts': 'export const x = 1;',
      'services/enricher/b.ts': "import { c } from '../poller/c.ts'; export type B = typeof c;",
      'services/poller/c.ts': 'export const c = 1;',
      'services/store/d.ts': "import type { E } from './e.ts'; export type D = E;",
      'services/store/e.ts': "import type { D } from './d.ts'; export type E = D;",
    }),
  ).toEqual([
    expect.stringContaining('services/enricher/ may not import services/poller/'),
    expect.stringContaining('services/other/ is not named'),
    expect.stringContaining('services/store/d.ts, services/store/e.ts'),
  ]);
});
