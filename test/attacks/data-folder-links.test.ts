import { lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { prepareLog, rememberPort } from '../../services/shared/runtime/embedded-server.ts';

/**
 * Whoever may write into the data folder, such as a member of its group, lays links to files of others where
 * the services write.
 */
let folder: string;
let precious: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-links-'));
  precious = path.join(folder, 'precious');
  writeFileSync(precious, 'kept', { mode: 0o644 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the port is written into no file that a link leads to', () => {
  symlinkSync(precious, path.join(folder, 'postgres.port.new'));
  rememberPort({ dataDir: folder }, 20_001);
  expect(readFileSync(precious, 'utf8')).toBe('kept');
  expect(lstatSync(path.join(folder, 'postgres.port')).isFile()).toBe(true);
  rememberPort({ dataDir: folder }, 20_002);
  expect(readFileSync(path.join(folder, 'postgres.port'), 'utf8')).toBe('20002\n');
});

test('a link in the place of the log is refused, and neither the rights nor the owner of what it leads to change', () => {
  symlinkSync(precious, path.join(folder, 'postgres.log'));
  expect(() => prepareLog({ dataDir: folder, owner: null })).toThrow(/is a link/);
  expect(statSync(precious).mode & 0o777).toBe(0o644);
  rmSync(path.join(folder, 'postgres.log'));
  prepareLog({ dataDir: folder, owner: null });
  expect(statSync(path.join(folder, 'postgres.log')).mode & 0o777).toBe(0o600);
});
