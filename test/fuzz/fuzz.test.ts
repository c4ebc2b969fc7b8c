import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadCorpus, makeCase } from './cases.ts';

const main = path.resolve(import.meta.dirname, '../../dist/test/fuzz/main.js');
const faulty = pathToFileURL(path.join(import.meta.dirname, 'faulty.mjs')).href;

/** The clock ends nothing here: a machine that is busy reads no case in some seconds. */
const BY_CASES = ['--seconds', '600', '--cases'];

let out: string;
beforeEach(() => {
  out = mkdtempSync(path.join(tmpdir(), 'ruawatch-fuzz-test-'));
});
afterEach(() => rmSync(out, { recursive: true, force: true }));

function run(args: string[], fault?: string): { code: number | null; said: string } {
  if (!existsSync(main)) throw new Error('dist/ is missing: run "npm run build" first (npm test does)');
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, '--out', out, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...(fault ? { FUZZ_FAULT: fault } : {}) },
  });
  return { code: status, said: stdout + stderr };
}

test('a short run over the fixtures finds nothing', () => {
  const { code, said } = run([...BY_CASES, '600']);
  expect({ code, said: code === 0 ? '' : said }).toEqual({ code: 0, said: '' });
  expect(said).toMatch(/^600 cases in .* seed \d+$/m);
  for (const outcome of ['nothing', 'refused', 'report', 'salvaged'])
    expect(said).toMatch(new RegExp(`outcomes: .*\\b${outcome} [1-9]`));
});

test('a seed decides its cases', () => {
  const corpus = loadCorpus();
  for (let n = 0; n < 50; n++) expect(makeCase(corpus, 7, n)).toEqual(makeCase(corpus, 7, n));
  const distinct = new Set(Array.from({ length: 50 }, (_, n) => makeCase(corpus, 7, n).raw.toString('base64')));
  expect(distinct.size).toBeGreaterThan(40);
});

describe('what it is there to find is found', () => {
  test.each([
    ['throw', /^CRASH in case \d+ .*TypeError: planted/m],
    ['hang', /^HANG in case \d+ .*: takes longer than 2 s/m],
    ['silence', /^CRASH in case \d+ .*nothing at all was said/m],
    ['memory', /^MEMORY in case \d+ /m],
    ['count', /^CRASH in case \d+ .*the report says 1 records, 0 came/m],
    // Which of the two limits is met first depends on how often the process is looked at.
    ['growth', /^MEMORY(?:: live memory grew from| in case \d+ .*: the process has grown by)/m],
  ])('%s', (fault, expected) => {
    const { code, said } = run(['--seed', '3', ...BY_CASES, '3000', '--findings', '1', '--reader', faulty], fault);
    expect(said).toMatch(expected);
    expect(code).toBe(1);
    if (fault === 'growth') return;
    const [, file] = /again with: npm run fuzz -- --input (\S+)/.exec(said) as unknown as [string, string];
    expect(readFileSync(file).length % 40).toBe(7);
    const again = run(['--input', file, '--reader', faulty], fault);
    expect(again.code).toBe(1);
    expect(again.said).toMatch(/^(CRASH|HANG|MEMORY): /m);
  });
});
