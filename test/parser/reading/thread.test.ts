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
 * A transaction that fails takes its keys with it: after a crash of the server the sequence gives out again
 * what no committed transaction had taken, so a key that was left over then belongs to somebody else.
 */
test('a thread never uses a key that was taken for an earlier reading', async () => {
  readers = openReaders({ parser: PARSER as never, limits: {} as never });
  expect(await keyOf([1, 2, 3])).toBe(1);
  expect(await keyOf([101, 102])).toBe(101);
});

test.each([
  ['fewer lines than a buffer holds', 40],
  ['lines that fill several buffers', 9_000],
])('the pieces of a large mail count its records and hold each of their lines once: %s', async (_, n) => {
  // So many alike records are else taken for a bomb.
  readers = openReaders({ parser: PARSER as never, limits: { ratio: 1e9 } as never });
  const rows = Array.from({ length: n }, (_, i) => ({ ip: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, count: i + 1 }));
  const mail = reportMail(reportXml({ rows }));
  // Twice: the second time the buffers are used again.
  for (let time = 0; time < 2; time++) {
    let [records, text, reported] = [0, '', 0];
    for await (const piece of readers.large(Buffer.from(mail), async () => [7, 8])) {
      if (piece.type === 'lines') {
        expect(piece.key).toBe(7);
        records += piece.records;
        text += Buffer.from(piece.lines as Uint8Array).toString();
      } else if (piece.type === 'report') reported = piece.report.records;
    }
    expect([records, reported]).toEqual([n, n]);
    const addresses = text
      .trimEnd()
      .split('\n')
      .map((line) => /\b10\.\d+\.\d+\.\d+\b/.exec(line)?.[0]);
    expect(addresses).toEqual(rows.map(({ ip }) => ip));
  }
});

test('an error of the reader reaches the one who asked, with its stack, and others are read', async () => {
  readers = openReaders({ parser: PARSER as never, limits: {} as never });
  const raw = Buffer.from(reportMail(reportXml({})));
  const failure = await readers.inspect(raw, new Date(0), null as never).then(String, (error: Error) => error.stack);
  expect(failure).toMatch(/^(?:Type)?Error: .*null[\s\S]*origin\.js/);
  expect(await keyOf([5])).toBe(5);
});
