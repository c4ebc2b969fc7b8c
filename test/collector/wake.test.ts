import { expect, test } from 'vitest';
import { Wake } from '../../services/collector/wake.ts';
import type { Context } from '../../services/shared/runtime/service.ts';

test('a domain is waken once in half a minute, with others or alone', async () => {
  let now = 0;
  const jobs: unknown[] = [];
  const add = async (_: string, { domains }: { domains: string[] }) => void jobs.push(domains);
  const wake = new Wake({ queues: { add }, clock: { now: () => new Date(now) } } as unknown as Pick<Context, 'queues' | 'clock'>);
  await wake.domains(['a.example', 'b.example']);
  now = 10_000;
  await wake.domains(['a.example']);
  await wake.domains(['a.example', 'c.example']);
  now = 30_000;
  await wake.domains(['b.example', 'c.example']);
  expect(jobs).toEqual([['a.example', 'b.example'], ['c.example'], ['b.example']]);
});

test('a hundred thousand domains are remembered, and all forgotten before there are more', async () => {
  const jobs: string[][] = [];
  const add = async (_: string, { domains }: { domains: string[] }) => void jobs.push(domains);
  const wake = new Wake({ queues: { add }, clock: { now: () => new Date(0) } } as unknown as Pick<Context, 'queues' | 'clock'>);
  const all = Array.from({ length: 100_000 }, (_, n) => `d${n}.example`);
  await wake.domains(all);
  expect(jobs.map(({ length }) => length)).toEqual(Array(100).fill(1_000));
  jobs.length = 0;
  for (const some of [['d1.example'], ['d1.example', 'd2.example'], ['new.example'], ['d1.example'], ['new.example']])
    await wake.domains(some);
  expect(jobs).toEqual([['new.example'], ['d1.example']]);
});
