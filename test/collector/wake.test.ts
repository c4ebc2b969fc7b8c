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
