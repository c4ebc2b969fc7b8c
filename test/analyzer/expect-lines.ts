import path from 'node:path';
import { expect } from 'vitest';

/**
 * Holds what is said of invented lives, one a line, against the golden file beside `file`. Read a difference
 * line by line: it is another finding, figure or ending for the sender or domain of that number. `npx vitest
 * run test/analyzer -u` writes the files anew.
 * @param seeds the numbers of the lives, which the file names
 */
export async function expectLines(file: string, name: string, seeds: readonly number[], lineOf: (seed: number) => string) {
  expect(seeds.length).toBeGreaterThan(0);
  const lines = seeds.map((seed) => `${lineOf(seed)}\n`);
  await expect(lines.join('')).toMatchFileSnapshot(path.join(path.dirname(file), 'golden', `invented-${name}.txt`));
}
