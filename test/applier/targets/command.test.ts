import { expect, test } from 'vitest';
import { applyByCommand } from '../../../services/applier/targets/command.ts';
import { txtOf } from '../../../services/requests/plans/members.ts';

const change = {
  name: '_dmarc.example.com',
  type: 'TXT' as const,
  ttl: { before: null, after: 300 },
  before: [],
  after: [txtOf('v=DMARC1; p=none')],
};
const run = (script: string, options = {}) =>
  applyByCommand(
    { kind: 'command', name: 'git', zones: ['example.com'], command: ['sh', '-c', script] },
    'example.com',
    change,
    options,
  );

test.each([
  ['cat >/dev/null; echo done; echo more', { state: 'applied', answer: 'done' }],
  ['exit 3', { state: 'stale', answer: 'The command of git ended with code 3.' }],
  ['echo https://git.example/pull/7; exit 4', { state: 'handed_over', answer: 'https://git.example/pull/7' }],
  ['exit 75', { state: 'later' }],
  ['exit 1', { state: 'failed' }],
  ['kill -9 $$', { state: 'failed' }],
])('%s', async (script, applied) => {
  expect(await run(script)).toMatchObject(applied);
});

test('it gets the change as one JSON object, and what it does not read harms nobody', async () => {
  const { answer } = await run('cat | tr -d "\\n"');
  expect(JSON.parse(answer)).toMatchObject({
    version: 1,
    zone: 'example.com',
    name: change.name,
    after: [{ text: 'v=DMARC1; p=none' }],
  });
});

test('a program that is not there, or hangs, is tried again', async () => {
  const missing = applyByCommand({ kind: 'command', name: 'git', zones: [], command: ['/nonexistent/program'] }, 'x', change);
  expect(await missing).toMatchObject({ state: 'later', answer: expect.stringMatching(/cannot be run/) });
  expect(await run('exec sleep 60', { timeoutMs: 300 })).toMatchObject({
    state: 'later',
    answer: expect.stringMatching(/took longer/),
  });
});
