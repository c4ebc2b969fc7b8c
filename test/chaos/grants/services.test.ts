import { type ChildProcess, spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { Services } from './services.ts';

test('of two kills that cross, neither leaves a process that outlives the test', async () => {
  const started: ChildProcess[] = [];
  const services = new Services(() => {
    const child = spawn('sleep', ['60']);
    started.push(child);
    const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
      child.once('close', (code, signal) => resolve({ code, signal })),
    );
    return { child, stdout: () => '', stderr: () => '', ended };
  });
  const kills = [services.kill('approver'), services.kill('approver'), services.killOne(), services.kill('applier', 20)];
  await Promise.all(kills);
  const late = services.kill('gateway', 20);
  await services.stop();
  await late;
  expect(started).toHaveLength(4 + 1 + 1 + 1 + 2);
  expect(started.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)).toEqual([]);
});
