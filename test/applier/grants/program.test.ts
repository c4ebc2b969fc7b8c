import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askProgram } from '../../../services/applier/grants/program.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-program-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What comes of a program with these lines of shell. */
async function ask(lines: string) {
  const file = path.join(folder, 'program');
  writeFileSync(file, `#!/bin/sh\n${lines}\n`);
  chmodSync(file, 0o755);
  const told = await askProgram([file], { verb: 'lend', kind: 'x', name: 'n' }, new AbortController().signal);
  return 'why' in told ? { ...told, why: told.why.replace(file, 'PROGRAM') } : told;
}

test('the program is told what is asked, in one object', async () => {
  await ask(`cat >${folder}/asked`);
  expect(JSON.parse(readFileSync(path.join(folder, 'asked'), 'utf8'))).toEqual({
    version: 1,
    verb: 'lend',
    kind: 'x',
    name: 'n',
  });
});

test.each<[string, object]>([
  ['cat >/dev/null', { state: 'done', answer: {} }],
  ['cat >/dev/null; echo', { state: 'done', answer: {} }],
  [
    `cat >/dev/null; echo '{"answer":"lent","secret":"s","ends":"by_time","more":1}'`,
    { state: 'done', answer: { answer: 'lent', secret: 's', ends: 'by_time' } },
  ],
  [
    'cat >/dev/null; echo yes',
    { state: 'failed', why: 'The command PROGRAM printed what is no answer to "lend" (docs/access.md).' },
  ],
  [
    `cat >/dev/null; echo '{"ends":"some day"}'`,
    { state: 'failed', why: 'The command PROGRAM printed what is no answer to "lend" (docs/access.md).' },
  ],
  ['cat >/dev/null; exit 1', { state: 'failed', why: 'The command PROGRAM ended with code 1.' }],
  ['cat >/dev/null; exit 75', { state: 'later', why: 'The command PROGRAM ended with code 75.' }],
  ['cat >/dev/null; exit 76', { state: 'failed', why: 'The command PROGRAM ended with code 76.' }],
  ['cat >/dev/null; echo "no such role" >&2; exit 1', { state: 'failed', why: 'no such role' }],
  ['cat >/dev/null; echo "away" >&2; exit 75', { state: 'later', why: 'away' }],
  // Nobody knows what it has done.
  ['cat >/dev/null; kill -9 $$', { state: 'later', why: 'The command PROGRAM ended with code null.' }],
])('%s', async (lines, told) => {
  expect(await ask(lines)).toEqual(told);
});

test.each([
  ['an answer', '{answer: "x".repeat(n)}', 500],
  ['a reason', '{reason: "x".repeat(n)}', 500],
  ['a secret', '{secret: "x".repeat(n)}', 20_000],
  ['the name of a right', '{names: ["x".repeat(n)]}', 200],
  ['the number of rights', '{names: Array(n).fill("x")}', 10_000],
])('%s has an end', async (_, answer, most) => {
  const state = async (n: number) =>
    (await ask(`cat >/dev/null; "${process.execPath}" -e 'const n = ${n}; console.log(JSON.stringify(${answer}))'`)).state;
  expect([await state(most), await state(most + 1)]).toEqual(['done', 'failed']);
});

test('64,000 bytes of what it prints are read', async () => {
  const state = async (blanks: number) => (await ask(`cat >/dev/null; printf '%${blanks}s{}'`)).state;
  expect([await state(63_998), await state(63_999)]).toEqual(['done', 'failed']);
});
