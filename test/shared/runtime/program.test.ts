import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ProgramOptions, runProgram } from '../../../services/shared/runtime/program.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-program-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (script: string, options: Partial<ProgramOptions> = {}) =>
  runProgram(['sh', '-c', script], { timeoutMs: 60_000, mostOutput: 1000, ...options });
const lives = (pid: number) => {
  try {
    process.kill(pid, 0);
    // One that has ended and is not collected yet is a zombie.
    return !/^\d+ \([^)]*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};
const pidIn = (file: string) => Number(readFileSync(path.join(folder, file), 'utf8'));

test('what goes in, and what comes out', async () => {
  expect(await run('cat; echo "a fault" >&2; echo more >&2; exit 3', { input: 'hello' })).toEqual({
    code: 3,
    output: Buffer.from('hello'),
    cut: false,
    complaint: 'a fault',
    by: 'itself',
  });
  const exact = await run('printf "%01000d"');
  expect([exact.cut, exact.output.length]).toEqual([false, 1000]);
  expect((await run('printf "%01001d"')).cut).toBe(true);
  expect(await run('printf "%02000d"')).toMatchObject({ code: 0, cut: true, output: Buffer.from('0'.repeat(1000)) });
  expect(await runProgram(['/no/such/program'], { timeoutMs: 1000, mostOutput: 10 })).toMatchObject({
    code: null,
    by: 'missing',
    complaint: expect.stringMatching(/ENOENT/),
  });
  // Its input may be larger than what it reads.
  expect(await run('exit 0', { input: 'x'.repeat(1_000_000) })).toMatchObject({ code: 0, by: 'itself' });
  expect(await run('printf "\\033[31mred\\0" >&2; exit 1')).toMatchObject({
    complaint: expect.stringMatching(/^\\u001b\[31mred/),
  });
});

test('what it has started ends with it when its time is over', async () => {
  const ended = await run(`sleep 300 & echo $! > ${folder}/child; wait`, { timeoutMs: 500 });
  expect(ended).toMatchObject({ code: null, by: 'time' });
  await expect.poll(() => lives(pidIn('child'))).toBe(false);
});

test('it ends with the service, and is not begun by one that stops', async () => {
  const stopping = new AbortController();
  const running = run(`echo $$ > ${folder}/own; exec sleep 300`, { signal: stopping.signal });
  await expect.poll(() => lives(pidIn('own'))).toBe(true);
  stopping.abort();
  expect(await running).toMatchObject({ code: null, by: 'service' });
  await expect.poll(() => lives(pidIn('own'))).toBe(false);
  expect(await run(`touch ${folder}/begun`, { signal: stopping.signal })).toMatchObject({ by: 'service' });
  expect(() => readFileSync(path.join(folder, 'begun'))).toThrow();
});

test('a daemon that it leaves behind does not make it hang, and lives on', async () => {
  const ended = await run(`sleep 300 & echo $! > ${folder}/daemon; echo reloaded`);
  expect(ended).toMatchObject({ code: 0, by: 'itself', output: Buffer.from('reloaded\n') });
  expect(lives(pidIn('daemon'))).toBe(true);
  process.kill(pidIn('daemon'), 'SIGKILL');
});
