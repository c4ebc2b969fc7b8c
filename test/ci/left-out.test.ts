import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.join(import.meta.dirname, '../..');
/** One of each project of vitest.config.ts: what shares processes, and what has one of its own. */
const NAMES = ['test/cluster/real-api.test.ts', 'test/gateway/acme.test.ts'];

const listed = (leftOut: string) =>
  execFileSync('npx', ['vitest', 'list', '--filesOnly', ...NAMES], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, TESTS_LEFT_OUT: leftOut, FORCE_COLOR: '0' },
  });

test('a file that .ci/lib.sh leaves out is in no project', () => {
  const all = listed('');
  for (const name of NAMES) expect(all).toContain(name);
  expect(all).toMatch(/own process/);
  expect(all).toMatch(/shared process/);
  expect(listed(NAMES.join(':'))).not.toMatch(/real-api|acme/);
});
