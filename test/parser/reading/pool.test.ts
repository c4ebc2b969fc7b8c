import { afterEach, expect, test } from 'vitest';
import { openReaders, patienceOf, type Readers } from '../../../services/parser/reading/pool.ts';
import { reportMail, reportXml } from '../../helpers/report.ts';

const PARSER = { isolate: true, concurrency: 1, time_budget_seconds: 60, memory_budget_mb: 32 };
/** Nothing but the memory of the thread bounds the records that come before what they are judged by. */
const LIMITS = { ratio: 1e9, heldRecords: 1e9, heldBytes: 1e12 };

let readers: Readers;
afterEach(() => readers.close());

/** A report whose policy comes behind so many records that holding them back takes more than the budget. */
function hungry(): Buffer {
  const xml = reportXml();
  const record = /<record>.*<\/record>/.exec(xml)![0];
  return reportMail(xml.replace(/(<feedback>)(.*)(?=<record>)/, (_, open, head) => `${open}${record.repeat(100_000)}${head}`));
}

/** What is told of each mail: its report's id, or a code. */
async function read(raws: readonly Buffer[]): Promise<string[]> {
  let key = 0;
  const told: string[] = [];
  for await (const result of readers.small(raws, async () => [++key])) {
    if (result === 'large') told.push(result);
    else if ('problem' in result) told.push(result.problem.code);
    else
      told.push(
        ...[...result.refused, ...result.other].map(({ code }) => code),
        ...result.reports.map((r) => r.report.report_id),
      );
  }
  return told;
}

test('a thread that is stopped over a mail takes nothing along of those it has read already', async () => {
  readers = openReaders({ parser: PARSER as never, limits: LIMITS as never });
  const mail = (id: string) => reportMail(reportXml({ id }));
  const mails = [mail('a'), mail('b'), hungry(), mail('c'), hungry(), mail('d')];
  expect(await read(mails)).toEqual(['a', 'b', 'memory_budget', 'c', 'memory_budget', 'd']);
});

test('whoever waits for a thread gets the one that is given back', async () => {
  readers = openReaders({ parser: PARSER as never, limits: LIMITS as never });
  const ids = ['a', 'b', 'c', 'd'];
  const all = await Promise.all(ids.map((id) => read([reportMail(reportXml({ id }))])));
  expect(all).toEqual(ids.map((id) => [id]));
});

/** How many threads are started meanwhile. */
async function started<T>(work: () => Promise<T>): Promise<{ threads: number; result: T }> {
  let threads = 0;
  const count = () => {
    threads += 1;
  };
  process.on('worker', count);
  try {
    const result = await work();
    return { threads, result };
  } finally {
    process.off('worker', count);
  }
}
const mailOf = (id: string) => reportMail(reportXml({ id }));
/** A reading that keeps its thread until it is let go. */
async function holding(id: string) {
  const reading = readers.small([mailOf(id)], async () => [1]);
  await reading.next();
  return { letGo: () => reading.return(undefined), end: () => reading.next() };
}
const open = (parser: object = {}, patience?: () => number) => {
  readers = openReaders({ parser: { ...PARSER, ...parser } as never, limits: LIMITS as never }, patience);
};

test('a thread is used again when its mails were read to the end, and another takes its place when not', async () => {
  open();
  const { threads, result } = await started(async () => [await read([mailOf('a')]), await read([mailOf('b'), mailOf('c')])]);
  expect([threads, result]).toEqual([1, [['a'], ['b', 'c']]]);
  const again = await started(async () => {
    const { letGo } = await holding('d');
    await letGo();
    return read([mailOf('e')]);
  });
  expect(again).toEqual({ threads: 1, result: ['e'] });
});

test('of a thread that has read before, the mail that it is stopped over is the one that counts', async () => {
  open();
  expect(await read([mailOf('a')])).toEqual(['a']);
  expect(await read([mailOf('b'), hungry(), mailOf('c')])).toEqual(['b', 'memory_budget', 'c']);
  const pieces = [];
  for await (const piece of readers.large(hungry(), async () => [1])) pieces.push(piece);
  expect(pieces).toEqual([
    {
      type: 'stopped',
      at: 0,
      problem: {
        code: 'memory_budget',
        message: 'Reading the mail took more than 32 MB of memory (parser.memory_budget_mb), so it was stopped.',
      },
    },
  ]);
});

test('a mail that takes too long is stopped', async () => {
  open({ time_budget_seconds: 0.01, memory_budget_mb: 512 });
  const message = 'Reading the mail took longer than 0.01 seconds (parser.time_budget_seconds), so it was stopped.';
  const stopped = { type: 'stopped', at: 0, problem: { code: 'time_budget', message } };
  const pieces = [];
  for await (const piece of readers.large(hungry(), async () => [1])) pieces.push(piece);
  expect(pieces.at(-1)).toEqual(stopped);
});

test('another thread is started when the one that is busy is not free in time, as many as there may be', async () => {
  open({ concurrency: 2 }, () => 0);
  const { threads } = await started(async () => {
    const first = await holding('a');
    const second = await holding('b');
    // The third waits for one of them, however long that takes.
    const third = read([mailOf('c')]);
    await first.end();
    expect(await third).toEqual(['c']);
    await second.end();
  });
  expect(threads).toBe(2);
});

test('no other thread is started while the busy one may be free in time', async () => {
  open({ concurrency: 2 }, () => 60_000);
  const { threads, result } = await started(async () => {
    const first = await holding('a');
    const second = read([mailOf('b')]);
    await first.end();
    return second;
  });
  expect([threads, result]).toEqual([1, ['b']]);
});

test('nothing is read once they are closed, and what is being read is not read to its end', async () => {
  open();
  const piece = readers.large(hungry(), async () => [1]).next();
  await new Promise(setImmediate);
  await Promise.all([expect(piece).rejects.toThrow(/^A reader thread ended with code [01]\.$/), readers.close()]);
  await expect(read([mailOf('c')])).rejects.toThrow('The readers are closed.');
});

test('a job waits longer for a thread where no core is left for another one', () => {
  const [short, long] = [patienceOf(0, 2), patienceOf(1, 2)];
  expect(short).toBeLessThan(long);
  expect([1, 2, 3, 4].map((threads) => patienceOf(threads, 4))).toEqual([short, short, long, long]);
});
