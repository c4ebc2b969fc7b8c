import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { bundled } from '../../services/report/bundled.ts';

const data = path.resolve(import.meta.dirname, '../../data');

test('a file of the program is read; one that is missing is said to be', () => {
  expect(bundled('reporters.schema.json')).toMatchObject({ type: expect.any(String) });
  expect(() => bundled('none.json')).toThrow("data/none.json is missing from the program's folder; reinstall ruawatch.");
});

test('a file that is there and damaged is not called missing', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'bundled-'));
  try {
    writeFileSync(path.join(folder, 'damaged.json'), '{"a":');
    expect(() => bundled(path.relative(data, path.join(folder, 'damaged.json')))).toThrow(SyntaxError);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
