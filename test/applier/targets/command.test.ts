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
  ['exit 75', { state: 'later', answer: 'The command of git ended with code 75.' }],
  ['exit 1', { state: 'failed', answer: 'The command of git ended with code 1.' }],
  ['exit 2', { state: 'failed', answer: 'The command of git ended with code 2.' }],
  ['kill -9 $$', { state: 'failed', answer: 'The command of git ended with code null.' }],
  ['echo "  a pull request  "; exit 0', { state: 'applied', answer: 'a pull request' }],
  ['printf "%0600d"; exit 0', { state: 'applied', answer: '0'.repeat(500) }],
  ['printf "\\303"; sleep 0.1; printf "\\251"', { state: 'applied', answer: 'é' }],
  ['printf "%0600d" >&2; exit 1', { state: 'failed', answer: '0'.repeat(500) }],
  // Of what it prints, 20,000 bytes are read.
  ['printf "%20001s" ab; exit 0', { state: 'applied', answer: 'a' }],
  ['printf "a\\0b"; exit 0', { state: 'applied', answer: 'a\\u0000b' }],
  ['echo "no right" >&2; exit 1', { state: 'failed', answer: 'no right' }],
  ['echo done; echo "no right" >&2; exit 4', { state: 'handed_over', answer: 'done' }],
  ['echo; echo second', { state: 'applied', answer: 'The command of git ended with code 0.' }],
])('%s', async (script, applied) => {
  expect(await run(script)).toEqual(applied);
});

test('it gets the change as one JSON object, and what it does not read harms nobody', async () => {
  const { answer } = await run('cat | tr -d "\\n"');
  expect(JSON.parse(answer)).toEqual({ version: 1, zone: 'example.com', ...change });
});

test('a program that is not there, or hangs, is tried again', async () => {
  const missing = applyByCommand({ kind: 'command', name: 'git', zones: [], command: ['/nonexistent/program'] }, 'x', change);
  expect(await missing).toEqual({ state: 'later', answer: expect.stringMatching(/^The command of git cannot be run: ./) });
  expect(await run('exec sleep 60', { timeoutMs: 300 })).toEqual({
    state: 'later',
    answer: 'The command of git took longer than 0.3 s and was ended.',
  });
});

test('it ends with the service', async () => {
  const stopping = new AbortController();
  const running = run('echo done; exec sleep 60', { signal: stopping.signal });
  setTimeout(() => stopping.abort(), 200);
  expect(await running).toEqual({ state: 'later', answer: 'It was stopped with the service.' });
  expect(await run('exit 0', { signal: stopping.signal })).toEqual({
    state: 'later',
    answer: 'It was stopped with the service.',
  });
  expect(await run('exit 0', { signal: new AbortController().signal })).toMatchObject({ state: 'applied' });
});
