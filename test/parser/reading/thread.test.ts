import { afterEach, expect, test } from 'vitest';
import { openReaders, type Readers } from '../../../services/parser/reading/pool.ts';
import { reportMail, reportXml } from '../../helpers/report.ts';

const PARSER = { isolate: true, concurrency: 1, time_budget_seconds: 60, memory_budget_mb: 256 };

let readers: Readers;
afterEach(() => readers.close());

/** The key of the one report of a mail, read with whatever `keys` are given for it. */
async function keyOf(keys: number[]): Promise<number> {
  const raw = Buffer.from(reportMail(reportXml({})));
  const found: number[] = [];
  // To its end: a thread that is left half-way is not used again.
  for await (const result of readers.small([raw], async () => keys)) {
    if (typeof result === 'object' && 'reports' in result) found.push(...result.reports.map((report) => report.key));
  }
  expect(found).toHaveLength(1);
  return found[0]!;
}

/**
 * A transaction that fails takes its keys with it: after a crash of the server the sequence gives out again what no committed
 * transaction had taken, so a key that was left over then belongs to somebody else.
 */
test('a thread never uses a key that was taken for an earlier reading', async () => {
  readers = openReaders({ parser: PARSER as never, limits: {} as never });
  expect(await keyOf([1, 2, 3])).toBe(1);
  expect(await keyOf([101, 102])).toBe(101);
});
