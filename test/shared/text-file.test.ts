import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readGuardFile } from '../../services/cli/guard-file.ts';
import { readRecords } from '../../services/cli/records-file.ts';
import { loadConfig } from '../../services/shared/settings/config.ts';
import { readTextFile } from '../../services/shared/text-file.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-text-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
const file = (bytes: Uint8Array, name = 'file') => {
  const at = path.join(folder, name);
  writeFileSync(at, bytes);
  return at;
};
const text = 'pässword';
const OTHERS = {
  'Latin-1': Buffer.from(text, 'latin1'),
  'UTF-16 with a mark': Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]),
  'a cut character': Buffer.from(text).subarray(0, 2),
  bytes: Buffer.from([0x1f, 0x8b, 8, 0xff]),
};

test('UTF-8 is read, with a byte order mark too', () => {
  expect(readTextFile(file(Buffer.from(text)))).toBe(text);
  expect(readTextFile(file(Buffer.from(`\ufeff${text}`)))).toBe(text);
  expect(readTextFile(file(Buffer.alloc(0)))).toBe('');
  expect(() => readTextFile(path.join(folder, 'none'))).toThrow(/ENOENT/);
});

test.each(Object.entries(OTHERS))('%s is a sentence that names the file or setting', (_, bytes) => {
  expect(() => readTextFile(file(bytes))).toThrow('it is not UTF-8 text');
  const yaml = { RUAWATCH_CONFIG: file(bytes, 'ruawatch.yaml') };
  expect(() => loadConfig(yaml, folder)).toThrow(/^ruawatch\.yaml cannot be read: it is not UTF-8 text\.$/);
  for (const name of ['IMAP_URL', 'SMTP_URL', 'DATABASE_URL', 'REDIS_URL'])
    expect(() => loadConfig({ [`${name}_FILE`]: file(bytes) }, '/nowhere')).toThrow(
      new RegExp(`${name}_FILE cannot be read \\(it is not UTF-8 text\\)`),
    );
  expect(() => readGuardFile(file(bytes, 'mail-guard.yaml'))).toThrow(/mail-guard\.yaml cannot be read: it is not UTF-8 text\.$/);
  expect(() => readRecords(file(bytes, 'zone'), null)).toThrow(/zone cannot be read: it is not UTF-8 text\.$/);
});
