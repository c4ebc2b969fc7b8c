import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

// By names that the compiler does not follow: they are JavaScript.
const load = (name: string) => import(`../../scripts/mutation/${name}.mjs`);
const { mutantsOf } = await load('mutants');
const { coveringTests, importersOf, nearestTests } = await load('nearest');
const { partOf, sample, scores } = await load('sample');

interface Mutant {
  file: string;
  start: number;
  end: number;
  code: string;
  replacement: string;
  what: string;
}

/** The texts that come of a text when each of its mutants is put in place. */
function mutated(text: string): string[] {
  return mutantsOf('a.ts', text).map(
    ({ start, end, replacement }: Mutant) => text.slice(0, start) + replacement + text.slice(end),
  );
}

test.each([
  ['if (a) b();', ['if (false) b();', 'if (true) b();', 'if (a) ;']],
  ['const x = a < b;', ['const x = a <= b;']],
  ['const x = !a;', ['const x = a;']],
  ['const n: 3 | number = 4;', ['const n: 3 | number = 5;']],
  ['while (a) { break; }', ['while (false) { break; }', 'while (a) { ; }']],
  ["throw new Error('no');", [';']],
  // What no test can detect without asserting time, or what nobody relies on.
  ['const x = performance.now() < until;', []],
  ['const PAUSE_MS = 100;', []],
  ['timer.unref();', []],
  ['turned();', []],
  ["this.log.debug('x');", []],
  ["if (rows > 0) log.info({ rows, all: rows === all }, 'x');", []],
  [
    "if (next() > 0) log.info('x');",
    [
      "if (false) log.info('x');",
      "if (true) log.info('x');",
      "if (next() >= 0) log.info('x');",
      "if (next() > 1) log.info('x');",
    ],
  ],
  ["if (a) log.warn('x');", ["if (false) log.warn('x');", "if (true) log.warn('x');", 'if (a) ;']],
  ["const x = 'a' + 'b';", []],
  ['const x = short(name, 40);', []],
  ['const x = clean(name, 300);', []],
  ['const x = { widths: [8, 40] };', []],
  ['s.sort((a, b) => (a < b ? -1 : 1));', [';', 's.sort((a, b) => (false ? -1 : 1));', 's.sort((a, b) => (true ? -1 : 1));']],
  ['s.sort((a, b) => (a < b ? 1 : -1));', [';', 's.sort((a, b) => (false ? 1 : -1));', 's.sort((a, b) => (true ? 1 : -1));']],
])('the mutants of %s', (text, expected) => {
  expect(mutated(text)).toEqual(expected);
});

test('the test named after a file is its nearest, and a test of the built program is near to what was built', () => {
  const texts = new Map([
    ['services/a/b.ts', ''],
    ['services/a/index.ts', "import './b.ts';"],
    ['test/a/b.test.ts', "import '../../services/a/index.ts';"],
    ['test/a/other.test.ts', "import '../../services/a/b.ts';"],
    ['test/helpers/process.ts', "const MAIN = '../../dist/services/a/index.js';"],
    ['test/a/process.test.ts', "import '../helpers/process.ts';"],
    ['test/e2e/all.test.ts', "import '../../services/a/b.ts';"],
    ['test/c.test.ts', ''],
  ]);
  expect(nearestTests(importersOf(texts), 'services/a/b.ts', 9)).toEqual([
    'test/a/b.test.ts',
    'test/a/other.test.ts',
    'test/a/process.test.ts',
  ]);
});

test('slow tests come last, but the one that is named after the file comes second', () => {
  const texts = new Map([
    ['services/a/b.ts', ''],
    ['test/a/b.test.ts', "import '../../services/a/b.ts';"],
    ['test/a/c.test.ts', "import '../../services/a/b.ts';"],
    ['test/a/d.test.ts', "import '../../services/a/b.ts';"],
  ]);
  expect(
    nearestTests(importersOf(texts), 'services/a/b.ts', 9, { slow: new Set(['test/a/b.test.ts', 'test/a/c.test.ts']) }),
  ).toEqual(['test/a/d.test.ts', 'test/a/b.test.ts', 'test/a/c.test.ts']);
});

test('the test that covers a file without one of its own is its nearest', () => {
  const texts = new Map([
    ['services/a/b.ts', ''],
    ['services/a/index.ts', "import './b.ts';"],
    ['test/a/c.test.ts', "import '../../services/a/b.ts';"],
    ['test/e/through.test.ts', "import '../../services/a/index.ts';"],
  ]);
  const covering = coveringTests(readFileSync('test/ci/tested-through.ts', 'utf8'));
  expect(covering.get('services/milter/try.ts')).toBe('test/milter/index.test.ts');
  for (const [file, by] of covering) expect([existsSync(file), existsSync(by)], file).toEqual([true, true]);
  expect(
    nearestTests(importersOf(texts), 'services/a/b.ts', 9, {
      covering: new Map([['services/a/b.ts', 'test/e/through.test.ts']]),
    }),
  ).toEqual(['test/e/through.test.ts', 'test/a/c.test.ts']);
});

test('what shows all pages or commands is near to each of their files', () => {
  const texts = new Map([
    ['services/cli/a.ts', ''],
    ['services/cli/b.ts', "import './a.ts';"],
    ['services/cli/c.ts', "import './b.ts';"],
    ['test/cli/a.test.ts', "import '../../services/cli/a.ts';"],
    ['test/cli/b.test.ts', "import '../../services/cli/b.ts';"],
    ['test/cli/program/shown.test.ts', "import '../../../services/cli/c.ts';"],
  ]);
  expect(existsSync('test/cli/program/shown.test.ts') && existsSync('test/console/pages/shown.test.ts')).toBe(true);
  expect(nearestTests(importersOf(texts), 'services/cli/a.ts', 9)).toEqual([
    'test/cli/a.test.ts',
    'test/cli/program/shown.test.ts',
    'test/cli/b.test.ts',
  ]);
});

test('a test is as near as the file it is named after', () => {
  const texts = new Map([
    ['services/a/b.ts', ''],
    ['services/a/user.ts', "import './b.ts';"],
    ['services/a/index.ts', "import './user.ts';"],
    ['test/a/another.test.ts', "import '../../services/a/index.ts';"],
    ['test/a/user.test.ts', "import '../../services/a/index.ts';"],
  ]);
  expect(nearestTests(importersOf(texts), 'services/a/b.ts', 9)).toEqual(['test/a/user.test.ts', 'test/a/another.test.ts']);
});

test('a sample takes from every part in turn, and the same seed takes the same', () => {
  const mutants = ['services/poller/a.ts', 'services/dns/b.ts', 'services/report/mail/dkim.ts'].flatMap((file) =>
    Array.from({ length: 20 }, (_, start) => ({ file, start })),
  );
  const chosen = sample(mutants, 9, 5);
  expect(sample(mutants, 9, 5)).toEqual(chosen);
  expect(sample(mutants, 9, 6)).not.toEqual(chosen);
  const parts = chosen.map(({ file }: Mutant) => partOf(file)).sort();
  expect(parts).toEqual(['dns', 'dns', 'dns', 'poller', 'poller', 'poller', 'verification', 'verification', 'verification']);
});

test('a mutant that made the tests hang counts as killed', () => {
  const results = ['killed', 'late', 'survived', 'killed'].map((result) => ({ file: 'services/dns/b.ts', result }));
  expect(scores(results)).toEqual({ dns: { mutants: 4, killed: 3, alive: 1, score: 75 } });
});

test('every mutant that is listed as equivalent is one of the code, and has its reason', () => {
  const listed: (Mutant & { reason: string })[] = JSON.parse(readFileSync('scripts/mutation/equivalent.json', 'utf8'));
  for (const { file, code, what, reason } of listed) {
    expect(reason, code).toMatch(/\w{3}.*\.$/);
    expect(existsSync(file), file).toBe(true);
    const mutants: Mutant[] = mutantsOf(file, readFileSync(file, 'utf8'));
    expect(mutants.filter((mutant) => mutant.code === code && mutant.what === what).length, `${file}: ${code}`).toBeGreaterThan(
      0,
    );
  }
});
