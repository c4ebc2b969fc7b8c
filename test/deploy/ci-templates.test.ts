import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => parse(readFileSync(path.join(ROOT, file), 'utf8'));
const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-ci-'));
afterAll(() => rmSync(folder, { recursive: true }));

const action = read('deploy/ci/github/action.yml');
const [step] = action.runs.steps;
const gitlab = read('deploy/ci/gitlab.yml')['.ruawatch-guard'];
/** Prints its arguments, a table for people, and ends with the code that is wanted. */
const program = path.join(folder, 'program.sh');
writeFileSync(program, '#!/bin/sh\necho "$@"\necho a table >&2\nexit "$CODE"\n', { mode: 0o755 });

const run = (shell: string, script: string, env: Record<string, string>) => {
  const junit = path.join(folder, 'guard.xml');
  const base = { PATH: process.env.PATH ?? '', GUARD_FILE: 'a b.yaml', GUARD_COMMAND: program, GUARD_JUNIT: junit, CODE: '0' };
  const { status, stdout, stderr } = spawnSync(shell, ['-e', '-c', script], { env: { ...base, ...env }, encoding: 'utf8' });
  return { status, stdout: stdout.trim(), log: stderr.trim(), junit: readFileSync(junit, 'utf8').trim() };
};

describe.each([
  ['GitHub', 'bash', step.run as string],
  ['GitLab', 'sh', gitlab.script[0] as string],
])('the template of %s', (_name, shell, script) => {
  test.each([
    [{}, 'guard check a b.yaml'],
    [{ GUARD_RECORDS: 'zone', GUARD_OFFLINE: 'true' }, 'guard check a b.yaml --records zone --offline'],
    [{ GUARD_STRICT: 'true', GUARD_RECORDS: '' }, 'guard check a b.yaml --strict'],
  ])('%j', (env, said) => {
    expect(run(shell, script, env)).toEqual({
      status: 0,
      stdout: '',
      log: expect.stringMatching(/^a table$/m),
      junit: `${said} --junit`,
    });
  });

  test.each([
    ['0', 'false', 0],
    ['1', 'true', 1],
    ['2', 'true', 2],
    ['3', 'false', 3],
    ['3', 'true', 0],
  ])('exit code %s, unknown allowed: %s', (CODE, GUARD_ALLOW_UNKNOWN, expected) => {
    expect(run(shell, script, { CODE, GUARD_ALLOW_UNKNOWN }).status).toBe(expected);
  });
});

test('inputs reach the shell as variables, never as text of the script', () => {
  expect(action.runs.using).toBe('composite');
  expect(step.run).not.toContain('${{');
  const used = Object.values(step.env as Record<string, string>).map(
    (value) => /^\$\{\{ inputs\.([a-z-]+) \}\}$/.exec(value)?.[1],
  );
  expect(used.sort()).toEqual(Object.keys(action.inputs).sort());
  expect(Object.keys(gitlab.variables).sort()).toEqual(Object.keys(step.env).sort());
});
