import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { LONGEST } from '../helpers/order.ts';

test('each of the longest test files is there, and is named once', () => {
  const missing = LONGEST.filter((name) => !existsSync(path.join(import.meta.dirname, '../..', name)));
  expect(missing).toEqual([]);
  expect(new Set(LONGEST).size).toBe(LONGEST.length);
});
