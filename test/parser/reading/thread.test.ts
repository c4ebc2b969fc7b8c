import { afterEach, expect, test } from 'vitest';
import { openReaders, type Readers } from '../../../services/parser/reading/pool.ts';
import type { ReadResult } from '../../../services/parser/reading/protocol.ts';
import type { Answer, Task } from '../../../services/parser/reading/thread.ts';
import { type Stopped, Thread } from '../../../services/parser/reading/thread-handle.ts';
import { reportMail, reportXml } from '../../helpers/report.ts';
import { until } from '../../helpers/services.ts';

const PARSER = { isolate: true, concurrency: 1, time_budget_seconds: 60, memory_budget_mb: 256 };

let readers: Readers | undefined;
afterEach(() => readers?.close());

/** The key of the one report of a mail, read with whatever `keys` are given for it. */
async function keyOf(keys: number[]): Promise<number> {
  const raw = Buffer.from(reportMail(reportXml({})));
  const found: number[] = [];
  // To its end: a thread that is left half-way is not used again.
  for await (const result of readers!.small([raw], async () => keys)) {
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

/** The answers of a thread to one order, each acknowledged, with lines as text. */
async function answers(task: Task, raws: readonly Buffer[], { acknowledge = true, thread = open() } = {}) {
  const told: unknown[] = [];
  thread.read(task, raws);
  for (;;) {
    const answer = await thread.next();
    told.push(structuredClone(answer));
    if (answer.type === 'more_keys') thread.send({ type: 'keys', keys: [7, 8] });
    else if (answer.type === 'small' || answer.type === 'piece' || answer.type === 'inspected') {
      if (acknowledge) thread.acknowledge(answer);
    } else return told as (Answer | Stopped)[];
  }
}
const threads: Thread[] = [];
function open(limits: object = {}): Thread {
  const thread = new Thread(PARSER, limits);
  threads.push(thread);
  return thread;
}
afterEach(async () => {
  await Promise.all(threads.splice(0).map((thread) => thread.end()));
});
const chat = Buffer.from('From: a@b.example\r\nSubject: lunch\r\n\r\nShall we?\r\n');
const report = (id: string, rows?: object[]) => reportMail(reportXml({ id, ...(rows && { rows }) }), { unique: id });
const addresses = (n: number) => Array.from({ length: n }, (_, i) => ({ ip: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` }));

test('small mails are answered together, the lines of all of them in one buffer', async () => {
  const told = await answers({ how: 'small', trust: null }, [report('a'), chat, report('b', addresses(3))]);
  const [keys, small, ...rest] = told;
  expect([keys, ...rest]).toEqual([{ type: 'more_keys' }, { type: 'done' }]);
  const { results, length } = small as Answer & { type: 'small' };
  const read = results as ReadResult[];
  expect(read.map(({ reports }) => reports.map(({ key, report: { report_id } }) => [key, report_id]))).toEqual([
    [[7, 'a']],
    [],
    [[8, 'b']],
  ]);
  const lines = read.flatMap(({ reports }) => reports.map((one) => one.lines as Uint8Array));
  expect(length).toBe(lines[0]!.length + lines[1]!.length);
  expect(lines.map(({ buffer, byteOffset }) => [buffer.byteLength, byteOffset])).toEqual([
    [256 * 1024, 0],
    [256 * 1024, lines[0]!.length],
  ]);
  expect(lines[0]!.buffer).toBe(lines[1]!.buffer);
  expect(lines.map((one) => Buffer.from(one).toString().split('\n').length)).toEqual([2, 4]);
});

test('sixty-four mails are in one answer, and as many lines as a buffer holds; one that is too large is passed on', async () => {
  const many = Array.from({ length: 65 }, () => chat);
  expect(await answers({ how: 'small', trust: null }, many)).toMatchObject([
    { type: 'small', results: { length: 64 }, length: 0 },
    { type: 'small', results: { length: 1 }, length: 0 },
    { type: 'done' },
  ]);
  const thread = open({ ratio: 1e9 });
  const mails = [report('a', addresses(1_200)), report('b', addresses(1_200)), report('c', addresses(5_001)), chat];
  const told = await answers({ how: 'small', trust: null }, mails, { thread });
  expect(told.map(({ type }) => type)).toEqual(['more_keys', 'small', 'more_keys', 'small', 'done']);
  const of = (n: number) => (told[n] as Answer & { type: 'small' }).results;
  expect([of(1).length, of(3).map((one) => (one === 'large' ? one : one.reports.length))]).toEqual([1, [1, 'large', 0]]);
});

test('an error is told, and what was read before it; the mails behind it are left out', async () => {
  const thread = open();
  const trust = { authserv_ids: null } as never;
  const told = await answers({ how: 'small', trust }, [chat, report('a'), chat], { thread });
  expect(told).toMatchObject(
    [
      { type: 'more_keys' },
      { type: 'threw', message: expect.any(String), stack: expect.stringContaining('.js') },
      { type: 'small', results: { length: 1 }, length: 0 },
    ].slice(0, told.length),
  );
  expect(told.map(({ type }) => type)).toContain('threw');
});

test('a large mail is transferred when nothing else lies in its buffer, and copied when something does', async () => {
  const mail = report('a');
  const alone = Buffer.from(new Uint8Array(mail).buffer);
  const inside = Buffer.concat([mail, Buffer.from('more')]).subarray(0, mail.length);
  for (const raw of [alone, inside]) {
    const told = await answers({ how: 'large', trust: null }, [raw]);
    expect(told).toMatchObject([
      { type: 'more_keys' },
      { type: 'piece', piece: { type: 'lines', key: 7, begin: 1788220800, records: 1 }, lent: false },
      { type: 'piece', piece: { type: 'report', key: 7, report: { report_id: 'a' }, lines: '' }, lent: false },
      { type: 'done' },
    ]);
  }
  expect([alone.length, inside.equals(mail)]).toEqual([0, true]);
});

test('full buffers are lent, and no more than four at a time', async () => {
  const thread = open({ ratio: 1e9 });
  const rows = addresses(20_000);
  thread.read({ how: 'large', trust: null }, [report('a', rows)]);
  const told: (Answer & { type: 'piece' })[] = [];
  const state = (thread as unknown as { state: Int32Array }).state;
  const waiting = (thread as unknown as { answers: unknown[] }).answers;
  expect(await thread.next()).toEqual({ type: 'more_keys' });
  thread.send({ type: 'keys', keys: [7] });
  // Until the thread waits: it has nothing left to write to.
  for (;;) {
    await until(async () => waiting.length > 0 || (told.length > 0 && Atomics.load(state, 1) === 0));
    if (waiting.length === 0) break;
    const answer = await thread.next();
    if (answer.type !== 'piece') break;
    told.push(answer);
  }
  expect(told.map(({ lent, piece }) => [lent, piece.type === 'lines' && piece.lines.length])).toEqual(
    Array(4).fill([true, 256 * 1024]),
  );
  let records = 0;
  for (const answer of told) {
    records += (answer.piece as { records: number }).records;
    thread.acknowledge(answer);
  }
  for (let answer = await thread.next(); answer.type === 'piece'; answer = await thread.next()) {
    if (answer.piece.type === 'lines') records += answer.piece.records;
    thread.acknowledge(answer);
  }
  expect(records).toBe(20_000);
});
