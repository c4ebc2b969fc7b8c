import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** In no passwd file. Only root can become it: anyone else runs the test as they are. */
const USER = process.getuid?.() === 0 ? { uid: 54_321, gid: 54_321 } : {};

let app = '';
let database: TestDatabase;
beforeAll(async () => {
  app = path.join(mkdtempSync(path.join(tmpdir(), 'ruawatch-image-')), 'app');
  // What the image has: no development tools and no optional packages.
  const { packages } = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean }>;
  };
  for (const [place, { dev, optional }] of Object.entries(packages)) {
    if (place === '' || dev || optional) continue;
    cpSync(path.join(ROOT, place), path.join(app, place), { recursive: true });
  }
  for (const part of ['dist/services', 'migrations', 'data', 'package.json']) {
    mkdirSync(path.dirname(path.join(app, part)), { recursive: true });
    cpSync(path.join(ROOT, part), path.join(app, part), { recursive: true });
  }
  chmodSync(path.dirname(app), 0o555);
  chmodSync(app, 0o555);
  database = await testDatabase({ empty: true });
});
afterAll(async () => {
  await database.drop();
  chmodSync(path.dirname(app), 0o755);
  chmodSync(app, 0o755);
  rmSync(path.dirname(app), { recursive: true, force: true });
});

const run = (args: string[], env: Record<string, string> = {}) =>
  spawnSync(process.execPath, ['dist/services/cli/main.js', ...args], { cwd: app, env, encoding: 'utf8', ...USER });

describe('the contents of the image, as a user without a name or a home, in a folder that cannot be written', () => {
  test('migrates, lists findings and looks at its settings', () => {
    expect(run(['--version'])).toMatchObject({ status: 0, stderr: '' });
    const env = { DATABASE_URL: database.url };
    expect(run(['migrate'], env)).toMatchObject({ status: 0, stderr: '' });
    expect(run(['findings'], env)).toMatchObject({ status: 0, stderr: '' });
    expect(run(['doctor'], env).stdout).toMatch(/database +ok|ok +database/);
  });

  test('asks for a name where nobody can look it up', () => {
    const acknowledged = run(['findings', 'ack', '1', '--why', 'known'], { DATABASE_URL: database.url });
    if ('uid' in USER) expect(acknowledged.stderr).toBe('The system user has no name: give yours with --by NAME.\n');
    expect(acknowledged.status).toBe(1);
  });
});
