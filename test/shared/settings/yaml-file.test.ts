import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readYamlFile } from '../../../services/shared/settings/yaml-file.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'yaml-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function read(text: string | null, named?: string) {
  if (text !== null) writeFileSync(path.join(dir, named ?? 'ruawatch.yaml'), text);
  const mistakes: string[] = [];
  return { data: readYamlFile(named, dir, mistakes), mistakes };
}

test('keys and values are read; an empty file, or none, sets nothing', () => {
  expect(read(null, undefined)).toEqual({ data: {}, mistakes: [] });
  expect(read('domains: [example.com]\nlimits: { records: 5 }\n')).toEqual({
    data: { domains: ['example.com'], limits: { records: 5 } },
    mistakes: [],
  });
  expect(read('# nothing\n')).toEqual({ data: {}, mistakes: [] });
});

test('a file that is named must be there', () => {
  expect(read(null, 'other.yaml')).toEqual({ data: {}, mistakes: ['RUAWATCH_CONFIG names other.yaml, which does not exist.'] });
  expect(read('a: 1', 'other.yaml').data).toEqual({ a: 1 });
});

test('a folder in place of the file cannot be read', () => {
  mkdirSync(path.join(dir, 'ruawatch.yaml'));
  expect(read(null)).toEqual({ data: {}, mistakes: ['ruawatch.yaml cannot be read: it is a folder and no file (EISDIR).'] });
});

test.each([
  ['a list', '- secret', /must hold keys and values/],
  ['a text', 'secret', /must hold keys and values/],
  [
    'a quote that does not end',
    'a: "secret\nb: 1\n',
    /^ruawatch\.yaml is not YAML at line 3, column 1 \(MISSING_CHAR\): correct it; values with special characters need quotes\.$/,
  ],
  ['a key twice', 'a: secret\na: secret2\n', /is not YAML at line 2, column 1 \(DUPLICATE_KEY\)/],
  ['a tag that nobody knows', 'a: !secret x\n', /is not YAML at line 1, column 4 \(TAG_RESOLVE_FAILED\)/],
  ['an alias', 'password: *secret\n', /begins with \*/],
])('%s is a mistake, which never quotes the file', (_, text, mistake) => {
  const { data, mistakes } = read(text);
  expect(data).toEqual({});
  expect(mistakes.join('\n')).toMatch(mistake);
  expect(mistakes.join('\n')).not.toContain('secret');
});
