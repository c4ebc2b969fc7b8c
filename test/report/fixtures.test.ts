import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseLines } from './build.ts';

/**
 * One fixture a quirk or a reporter's dialect, written for this repository; what `parse` prints of it lies
 * beside it.
 */
const root = path.resolve(import.meta.dirname, '../fixtures');
const GOLDEN = '.golden.json';

describe.each(['aggregate', 'container', 'tlsrpt', 'failure', 'bounces', 'ignored'])('%s', (kind) => {
  const folder = path.join(root, kind);
  const files = readdirSync(folder).sort();
  const fixtures = files.filter((name) => !name.endsWith(GOLDEN));

  test.each(fixtures)('%s', async (file) => {
    const lines = await parseLines(path.join(folder, file));
    expect(lines).not.toHaveLength(0);
    // Where the checkout lies is nobody's business.
    const relative = lines.map((line) => ({ ...line, file: path.relative(folder, line.file as string) }));
    await expect(`${JSON.stringify(relative, null, 1)}\n`).toMatchFileSnapshot(path.join(folder, `${file}${GOLDEN}`));
  });

  test('every golden file has its fixture', () => {
    const golden = files.filter((name) => name.endsWith(GOLDEN));
    expect(golden.map((name) => name.slice(0, -GOLDEN.length)).sort()).toEqual(fixtures);
  });
});
