import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-again-'));
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  writeFileSync(path.join(folder, 'vitest.config.mjs'), 'export default { test: { globals: true } };');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const node = (...args: string[]) =>
  spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: { PATH: process.env.PATH } });
const json = (file: string) => JSON.parse(readFileSync(path.join(folder, file), 'utf8'));

/** Runs the tests of these files as CI does; each sees in `tries` how often its file was run before. */
function run(files: Record<string, string>) {
  for (const [name, body] of Object.entries(files)) {
    writeFileSync(
      path.join(folder, `${name}.test.js`),
      `import { appendFileSync, readFileSync } from 'node:fs';
       appendFileSync('${name}.tries', 'x');
       const tries = readFileSync('${name}.tries').length - 1;
       ${body}`,
    );
  }
  mkdirSync(path.join(folder, 'out'));
  const first = node('node_modules/vitest/vitest.mjs', 'run', '--reporter=json', '--outputFile.json=out/first.json');
  const { status, stdout } = node(
    path.join(ROOT, '.ci/again.mjs'),
    'out/first.json',
    `${first.status}`,
    'out/both.json',
    'out/retried.json',
  );
  const tries = (name: string) => readFileSync(path.join(folder, `${name}.tries`)).length;
  return { code: status, stdout, tries };
}
const passedOf = () =>
  json('out/both.json')
    .testResults.flatMap((suite: { assertionResults: unknown[] }) => suite.assertionResults)
    .map((one: { fullName: string; status: string }) => `${one.fullName} ${one.status}`)
    .sort();

test('a file that failed is run again in a process of its own; what passes then is written down, and nothing else', () => {
  const { code, tries } = run({
    sure: "test('sure', () => {});",
    // A test that cannot be repeated in the state that it left behind.
    unsure:
      "let ran = 0; describe('a', () => test('unsure', () => { if (tries === 0 || ran++ > 0) throw new Error('no'); })); test('calm', () => {});",
    whole: "beforeAll(() => { if (tries === 0) throw new Error('no'); }); test('after a hook', () => {});",
  });
  expect(code).toBe(0);
  expect([tries('sure'), tries('unsure'), tries('whole')]).toEqual([1, 2, 2]);
  expect(json('out/retried.json')).toEqual([
    { file: 'unsure.test.js', name: 'a unsure' },
    { file: 'whole.test.js', name: 'the file as a whole' },
  ]);
  expect(json('out/both.json').success).toBe(true);
  expect(passedOf()).toEqual(['a unsure passed', 'after a hook passed', 'calm passed', 'sure passed']);
});

test('what fails twice fails', () => {
  const { code } = run({ broken: "test('broken', () => { throw new Error('no'); }); test('calm', () => {});" });
  expect(code).toBe(1);
  expect(json('out/retried.json')).toEqual([]);
  expect(json('out/both.json').success).toBe(false);
  expect(passedOf()).toEqual(['broken failed', 'calm passed']);
});

test('an error outside of all tests is a failure, in the first run and in the second', () => {
  const stray = (when: string) =>
    `test('calm', async () => { ${when} void Promise.reject(new Error('no')); await new Promise((resolve) => setTimeout(resolve, 50)); });`;
  expect(run({ stray: stray('') }).code).toBe(1);
  rmSync(path.join(folder, 'out'), { recursive: true });
  rmSync(path.join(folder, 'stray.test.js'));
  const { code, tries } = run({ late: stray("if (tries === 0) throw new Error('no');") });
  expect([code, tries('late')]).toEqual([1, 2]);
});

test('where much fails, or the first run came to no end, nothing is run again', () => {
  const broken = "test('broken', () => { throw new Error('no'); });";
  const { code, tries } = run({ a: broken, b: broken, c: broken, d: broken });
  expect([code, tries('a')]).toEqual([1, 1]);
  expect(node(path.join(ROOT, '.ci/again.mjs'), 'none.json', '124', 'out/x.json', 'out/y.json').status).toBe(1);
  expect(existsSync(path.join(folder, 'out/x.json'))).toBe(false);
});
