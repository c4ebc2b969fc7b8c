import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const TOTALS = path.join(ROOT, '.ci/totals.mjs');

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-totals-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string) => path.join(folder, name);

/** What totals.mjs says of a run of one passed test and these retried ones. */
function totals(retried: unknown[] | null, status = 'passed') {
  writeFileSync(
    file('result.json'),
    JSON.stringify({
      success: status !== 'failed',
      testResults: [{ name: path.join(ROOT, 'a.test.ts'), status, assertionResults: [{ status, fullName: 'a' }] }],
    }),
  );
  rmSync(file('retried.json'), { force: true });
  if (retried !== null) writeFileSync(file('retried.json'), JSON.stringify(retried));
  const { status: code, stdout } = spawnSync(process.execPath, [TOTALS, file('result.json'), file('retried.json')], {
    encoding: 'utf8',
    cwd: ROOT,
  });
  return { code, lines: stdout.trim().split('\n') };
}

test('retried tests are named and counted; over three are a failure, and so is a run that did not write them down', () => {
  const one = { file: 'test/b.test.ts', name: 'b > c' };
  expect(totals([])).toEqual({ code: 0, lines: ['0 tests were retried; over 3 is a failure.', '1 passed, 0 failed'] });
  expect(totals([one])).toEqual({
    code: 0,
    lines: ['RETRIED: test/b.test.ts: b > c', '1 tests were retried; over 3 is a failure.', '1 passed, 0 failed'],
  });
  expect(totals([one, one, one]).code).toBe(0);
  expect(totals([one, one, one, one]).code).toBe(1);
  expect(totals([one, one, one, one]).lines.at(-1)).toBe('1 passed, 0 failed');
  expect(totals(null)).toMatchObject({ code: 1 });
  expect(totals([], 'failed')).toMatchObject({ code: 1 });
});
