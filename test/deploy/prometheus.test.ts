import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { which } from '../helpers/services.ts';

const promtool = which('promtool');
const folder = path.resolve(import.meta.dirname, '../../deploy/prometheus');
const suite = promtool === null ? test.skip : test;
const name = promtool === null ? ' (SKIPPED: needs promtool)' : '';

const run = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(promtool!, args, { cwd: folder, encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}` };
};

suite(`the rules are valid${name}`, () => {
  expect(run('check', 'rules', 'alerts.yaml')).toMatchObject({
    status: 0,
    said: expect.stringContaining('SUCCESS: 8 rules found'),
  });
});

suite(`each alert fires when it must, and not before${name}`, () => {
  const { status, said } = run('test', 'rules', 'alerts.test.yaml');
  expect(status, said).toBe(0);
});
