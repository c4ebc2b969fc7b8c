import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPool, type Tx, transaction } from '../../../services/shared/runtime/db.ts';
import { beginCopies, RecordCopy, undoCopies } from '../../../services/store/reports/copy-records.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase({ max: 1 });
});
afterAll(() => t.drop());

const REST = '2026-09-01\t192.0.2.1\t1\tnone\tpass\tpass\t\\N\t\\N\t\\N\t\\N\t{}\tt\tt\tf\tx\t\\N\t\\N\n';
const lineOf = (n: number) => `1\t${n}\t${REST}`;

test('what was copied since the mark is undone, also where the COPY failed, and the transaction goes on', async () => {
  const kept = await transaction(t.db, async (tx) => {
    const copyOf = async (...numbers: number[]) => {
      const copy = new RecordCopy(tx);
      await copy.write(numbers.map(lineOf).join(''));
      await copy.end();
    };
    await copyOf(1);
    await beginCopies(tx);
    await copyOf(2);
    await undoCopies(tx);
    await copyOf(3);
    await expect(copyOf(4, 4)).rejects.toThrow(/duplicate key/);
    await undoCopies(tx);
    await copyOf(5);
    const { rows } = await tx.query('select n from ruawatch.records order by n');
    await tx.query('delete from ruawatch.records');
    return rows.map(({ n }) => n);
  });
  expect(kept).toEqual([1, 5]);
});

describe('the stream to the server', () => {
  /** What a stream has to say when the test says so. */
  interface Said {
    /** Takes more. */
    next?: () => void;
    /** Has everything. */
    finish?: () => void;
    /** Is closed. */
    closed?: () => void;
  }
  function open({ slow = false, closes = false } = {}) {
    const sent: (string | Buffer)[] = [];
    const said: Said = {};
    const stream = new Writable({
      decodeStrings: false,
      autoDestroy: closes,
      highWaterMark: slow ? 1 : 2 ** 30,
      write(chunk, _, next) {
        sent.push(chunk);
        if (slow) said.next = () => next();
        else next();
      },
      final: (next) => {
        said.finish = () => next();
      },
      destroy: (error, next) => {
        said.closed = () => next(error);
      },
    });
    const copy = new RecordCopy({ query: () => stream } as unknown as Tx);
    return { copy, sent, said, stream };
  }
  /** What has become of it by now. */
  const by = (work: Promise<unknown>) =>
    Promise.race([
      work.then(
        () => 'done',
        (error: Error) => error.message,
      ),
      new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(() => resolve('waits'))))),
    ]);
  /** Octets as the place where they are: their buffer, where they begin and how many they are. */
  const places = (sent: (string | Buffer)[], ...buffers: ArrayBuffer[]) =>
    sent.map((one) => (typeof one === 'string' ? one : [buffers.indexOf(one.buffer as ArrayBuffer), one.byteOffset, one.length]));

  test('texts are sent together once they are many', async () => {
    const { copy, sent, said } = open();
    const [many, last] = ['b'.repeat(64 * 1024 - 2), 'c'];
    await copy.write('a');
    await copy.write(many);
    expect(sent).toEqual([]);
    await copy.write(last);
    expect(sent).toEqual([`a${many}c`]);
    await copy.write('d');
    await copy.write('e');
    expect(sent).toHaveLength(1);
    const ended = copy.end();
    expect(await by(ended)).toBe('waits');
    expect(sent.slice(1)).toEqual(['de']);
    said.finish!();
    await ended;
  });

  test('octets that go on where the last ended in one buffer are sent as one, others by themselves, in their order', async () => {
    const { copy, sent, said } = open();
    const [one, two] = [new Uint8Array(20), new Uint8Array(300_000)];
    await copy.write(one.subarray(0, 3));
    await copy.write(one.subarray(3, 5));
    await copy.write(one.subarray(5, 9));
    expect(sent).toEqual([]);
    // After a gap.
    await copy.write(one.subarray(10, 12));
    // In another buffer, where the last ended in its own.
    await copy.write(two.subarray(12, 14));
    await copy.write('text');
    const less = two.subarray(14, 14 + 128 * 1024 - 1);
    await copy.write(less);
    expect(places(sent, one.buffer, two.buffer)).toEqual([
      [0, 0, 9],
      [0, 10, 2],
    ]);
    const enough = two.subarray(0, 128 * 1024);
    await copy.write(enough);
    await copy.write(one.subarray(0, 1));
    const ended = copy.end();
    expect(await by(ended)).toBe('waits');
    expect(places(sent.slice(2), one.buffer, two.buffer)).toEqual([
      [1, 12, 2 + less.length],
      'text',
      [1, 0, enough.length],
      [0, 0, 1],
    ]);
    said.finish!();
    await ended;
  });

  test('a write waits until the stream takes more, or is closed', async () => {
    const octets = new Uint8Array(128 * 1024);
    const { copy, said, stream } = open({ slow: true });
    const first = copy.write(octets);
    expect(await by(first)).toBe('waits');
    said.next!();
    expect(await by(first)).toBe('done');
    const second = copy.write(octets);
    expect(await by(second)).toBe('waits');
    stream.destroy();
    said.closed!();
    expect(await by(second)).toBe('done');
    // Nobody would say when a closed stream took more.
    expect(await by(copy.write(octets))).toBe('done');
    expect(await by(copy.end())).toMatch(/close/i);
  });

  test('what the server refuses fails the write that waits, and whatever comes after, unsent', async () => {
    const octets = new Uint8Array(128 * 1024);
    const { copy, sent, stream } = open({ slow: true });
    const waiting = copy.write(octets);
    expect(await by(waiting)).toBe('waits');
    stream.emit('error', new Error('refused'));
    stream.emit('error', new Error('said later'));
    expect(await by(waiting)).toBe('refused');
    expect(await by(copy.write('gathered'))).toBe('done');
    expect(await by(copy.end())).toBe('refused');
    expect(await by(copy.write(octets))).toBe('refused');
    expect(sent).toHaveLength(1);
    // It is over: nothing would tell when it ends.
    expect(await by(copy.abort(new Error('given up')))).toBe('done');
    expect(stream.destroyed).toBe(false);
  });

  test('giving up is over when the stream is closed', async () => {
    const { copy, said, stream } = open({ closes: true });
    const given = copy.abort(new Error('given up'));
    expect(await by(given)).toBe('waits');
    expect(stream.destroyed).toBe(true);
    said.closed!();
    expect(await by(given)).toBe('done');
    expect(await by(copy.end())).toBe('given up');
  });
});

test('a COPY that is given up midway fails its transaction at once, and the connection is good for the next', async () => {
  const given = transaction(t.db, async (tx) => {
    const copy = new RecordCopy(tx);
    // Each row another: equal keys would end the COPY with an error of the server's.
    await copy.write(Array.from({ length: 2_000 }, (_, n) => lineOf(n)).join(''));
    const error = new Error('the reader broke');
    await copy.abort(error);
    throw error;
  });
  await expect(given).rejects.toThrow('the reader broke');
  const { rows } = await t.db.query('select count(*) as n from ruawatch.records');
  expect(rows).toEqual([{ n: 0 }]);
});

test('a connection that is lost while the COPY waits for the server fails the write', async () => {
  const other = openPool(t.url, { max: 2 });
  const holder = await other.connect();
  try {
    await holder.query('begin');
    await holder.query('lock table ruawatch.records in access exclusive mode');
    const given = transaction(t.db, async (tx) => {
      const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
      const copy = new RecordCopy(tx);
      const written = copy.write(new Uint8Array(1024 * 1024).fill(0x61));
      await Promise.all([written, holder.query('select pg_terminate_backend($1)', [rows[0]!.pid])]);
    });
    await expect(given).rejects.toThrow(/terminat/);
  } finally {
    holder.release(true);
    await other.end();
  }
});
