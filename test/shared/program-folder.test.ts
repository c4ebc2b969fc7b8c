import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { programFolder } from '../../services/shared/program-folder.ts';

const root = path.resolve(import.meta.dirname, '../..');

test('the sources and the built program lie in the same folder', async () => {
  const built = path.join(root, 'dist/services/shared/program-folder.js');
  const { programFolder: ofBuilt } = (await import(built)) as { programFolder: () => string };
  expect([programFolder(), ofBuilt()]).toEqual([root, root]);
  expect(existsSync(path.join(root, 'data/mark_authorities.json'))).toBe(true);
});
