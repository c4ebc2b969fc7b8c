import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ruawatchOnce } from '../helpers/process.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-first-'));
chmodSync(folder, 0o755);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the first command in an empty folder makes the embedded database', { timeout: 120_000 }, async () => {
  const added = await ruawatchOnce(['domains', 'add', 'example.com'], { RUAWATCH_DATA_DIR: path.join(folder, 'data') }, folder);
  expect(added).toMatchObject({ code: 0, stdout: expect.stringContaining('example.com and all its subdomains are yours') });
});
