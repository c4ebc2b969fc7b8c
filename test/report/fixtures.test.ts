import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { runParse } from '../../services/cli/parse.ts';

/** One fixture a quirk or a reporter's dialect, written for this repository; what `parse` prints of it lies beside it. */
const folder = path.resolve(import.meta.dirname, '../fixtures/aggregate');
const files = readdirSync(folder)
  .filter((name) => !name.endsWith('.golden.json'))
  .sort();

describe('fixtures', () => {
  test.each(files)('%s', async (file) => {
    const lines: unknown[] = [];
    expect(
      await runParse([path.join(folder, file)], (line) => {
        const parsed = JSON.parse(line) as { file: string };
        // Where the checkout lies is nobody's business.
        lines.push({ ...parsed, file: path.relative(folder, parsed.file) });
      }),
    ).toBe(0);
    expect(lines).not.toHaveLength(0);
    await expect(`${JSON.stringify(lines, null, 1)}\n`).toMatchFileSnapshot(path.join(folder, `${file}.golden.json`));
  });

  test('every golden file has its fixture', () => {
    const golden = readdirSync(folder).filter((name) => name.endsWith('.golden.json'));
    expect(golden.map((name) => name.slice(0, -'.golden.json'.length)).sort()).toEqual(files);
  });
});
