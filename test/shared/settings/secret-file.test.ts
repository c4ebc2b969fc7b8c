import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSecretFile, secretOf } from '../../../services/shared/settings/secret-file.ts';

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(path.join(tmpdir(), 'ruawatch-secret-'));
  writeFileSync(path.join(cwd, 'secret'), 's3cret\n');
  writeFileSync(path.join(cwd, 'empty'), ' \n');
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

test('a secret comes without the line end, from a path relative to the working folder', () => {
  expect(readSecretFile('secret', cwd)).toBe('s3cret');
  expect(readSecretFile(path.join(cwd, 'secret'), '/')).toBe('s3cret');
});

test('a file that is missing, a folder or empty is refused', () => {
  expect(() => readSecretFile('nowhere', cwd)).toThrow(/^cannot be read \(there is no .*ENOENT/);
  expect(() => readSecretFile('.', cwd)).toThrow(/^cannot be read \(.* is a folder and no file/);
  expect(() => readSecretFile('empty', cwd)).toThrow(/^is empty$/);
});

test('an entry has its secret from the value or from the file, never from both', () => {
  expect(secretOf('s3cret', undefined, 'password', cwd)).toBe('s3cret');
  expect(secretOf(undefined, 'secret', 'password', cwd)).toBe('s3cret');
  expect(secretOf(undefined, undefined, 'password', cwd)).toBeNull();
  expect(secretOf('', undefined, 'password', cwd)).toBeNull();
  expect(() => secretOf('a', 'secret', 'password', cwd)).toThrow('has both password and password_file: keep one.');
  expect(() => secretOf(undefined, 'nowhere', 'password', cwd)).toThrow(
    /^has a password_file that cannot be read \(there is no .*ENOENT/,
  );
});
