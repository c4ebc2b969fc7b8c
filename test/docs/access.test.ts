import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { GRANT_KINDS } from '../../services/requests/grants/kinds.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const text = readFileSync(path.join(ROOT, 'docs/access.md'), 'utf8');

test('docs/access.md names tests that exist, by the beginning of their names', () => {
  const named = [...text.matchAll(/`(test\/[\w/.-]+\.ts)`(?:: ([^|;)\n]+?))?(?= ?[|;)\n])/g)];
  expect(named.length).toBeGreaterThan(15);
  for (const [, file, name] of named) {
    expect(existsSync(path.join(ROOT, file!)), file).toBe(true);
    const source = readFileSync(path.join(ROOT, file!), 'utf8');
    if (name !== undefined) expect(source, `${file}: ${name}`).toContain(name.trim());
  }
});

test('it describes every kind of grant', () => {
  for (const kind of GRANT_KINDS) expect(text, kind).toContain(kind);
});
