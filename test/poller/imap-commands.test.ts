import type { ImapFlow } from 'imapflow';
import { expect, test } from 'vitest';
import {
  fetchHead,
  fetchMails,
  fetchParts,
  HEAD_BYTES,
  listMails,
  MailGone,
  searchUids,
} from '../../services/poller/imap-commands.ts';
import { batches, uidSet } from '../../services/poller/uids.ts';

const client = (what: object) => ({ usable: true, mailbox: { exists: 3 }, ...what }) as unknown as ImapFlow;
/** Answers a fetch with these, whatever is asked; notes what is. */
const fetched: unknown[][] = [];
const answers = (...mails: object[]) =>
  client({
    async *fetch(...args: unknown[]) {
      fetched.push(args);
      yield* mails;
    },
  });

test('a search: all from the first UID on, else those from there; what is below is left out, and they come in order', async () => {
  const asked: unknown[] = [];
  const box = client({
    search: async (query: object, options: object) => {
      asked.push(query, options);
      return [9, 4, 7, 5];
    },
  });
  expect(await searchUids(box, 1)).toEqual([4, 5, 7, 9]);
  expect(await searchUids(box, 2)).toEqual([4, 5, 7, 9]);
  expect(await searchUids(box, 5)).toEqual([5, 7, 9]);
  expect(await searchUids(box, 10)).toEqual([]);
  const uid = { uid: true };
  expect(asked).toEqual([{ all: true }, uid, { uid: '2:*' }, uid, { uid: '5:*' }, uid, { uid: '10:*' }, uid]);
});

test('an empty folder is not searched, and a search that fails is no empty folder', async () => {
  const fails = async () => false;
  expect(await searchUids(client({ mailbox: { exists: 0 }, search: fails }), 1)).toEqual([]);
  expect(await searchUids(client({ mailbox: false, search: fails }), 1)).toEqual([]);
  await expect(searchUids(client({ search: fails }), 1)).rejects.toThrow('the search for mails failed');
});

test('a list: only what was asked for, in order; a date that is none is no date', async () => {
  const at = new Date('2026-01-02');
  const listed = await listMails(
    answers(
      { uid: 5, size: 50, internalDate: at },
      { uid: 1, size: 10, internalDate: 'never' },
      { uid: 3 },
      { uid: 9, size: 1, internalDate: at },
      // A second answer for a mail is not a second mail.
      { uid: 5, size: 50, internalDate: at },
    ),
    [5, 1, 3],
  );
  expect(listed).toEqual([
    { uid: 1, size: 10, receivedAt: null },
    { uid: 3, size: 0, receivedAt: null },
    { uid: 5, size: 50, receivedAt: at },
  ]);
  expect(fetched.at(-1)).toEqual(['5,1,3', { uid: true, size: true, internalDate: true }, { uid: true }]);
});

test('mails: the content wins over an answer without one, whichever comes first; what was not asked for is nobody’s', async () => {
  const source = Buffer.from('x');
  const mails = answers({ uid: 1 }, { uid: 1, source }, { uid: 2, source }, { uid: 2 }, { uid: 3 }, { uid: 7, source });
  expect(await fetchMails(mails, [1, 2, 3, 4])).toEqual([
    { uid: 1, raw: source, why: '' },
    { uid: 2, raw: source, why: '' },
    { uid: 3, raw: null, why: 'the answer has no content' },
  ]);
  expect(fetched.at(-1)).toEqual(['1:4', { uid: true, source: true }, { uid: true }]);
});

test.each(['NO', 'BAD'])(
  'a fetch that is answered by %s is tried mail by mail; other failures are failures',
  async (responseStatus) => {
    const source = Buffer.from('x');
    const asked: string[] = [];
    const box = client({
      async *fetch(set: string) {
        asked.push(set);
        if (set.includes('2'))
          throw Object.assign(new Error('failed'), { responseStatus, ...(set === '2' ? { responseText: 'broken' } : {}) });
        yield { uid: Number(set), source };
      },
    });
    expect(await fetchMails(box, [1, 2, 5])).toEqual([
      { uid: 1, raw: source, why: '' },
      { uid: 2, raw: null, why: 'broken' },
      { uid: 5, raw: source, why: '' },
    ]);
    expect(asked).toEqual(['1:2,5', '1', '2', '5']);
    (box as { usable: boolean }).usable = false;
    await expect(fetchMails(box, [1, 2])).rejects.toThrow('failed');
  },
);

test('a fetch that fails without an answer fails for all, and a refusal without words is told by its status', async () => {
  const failing = (what: object) =>
    client({
      // biome-ignore lint/correctness/useYield: it fails.
      async *fetch() {
        throw Object.assign(new Error('reset'), what);
      },
    });
  await expect(fetchMails(failing({}), [1, 2])).rejects.toThrow('reset');
  await expect(fetchMails(failing({ responseStatus: 'BYE' }), [1])).rejects.toThrow('reset');
  expect(await fetchMails(failing({ responseStatus: 'NO' }), [1])).toEqual([{ uid: 1, raw: null, why: 'NO' }]);
});

/** Hands out a mail of `size` bytes in parts of at most `most`. */
const inParts = (size: number, most: number, asked: unknown[] = []) =>
  client({
    fetchOne: async (uid: string, query: { uid: boolean; source: { start: number; maxLength: number } }, options: object) => {
      asked.push([uid, query, options]);
      return { source: Buffer.alloc(Math.max(0, Math.min(most, query.source.maxLength, size - query.source.start)), 'x') };
    },
  });

test('the head: 64 KiB, or nothing', async () => {
  expect(HEAD_BYTES).toBe(65536);
  const asked: unknown[] = [];
  expect(await fetchHead(inParts(100_000, 1e9, asked), 7)).toHaveLength(65536);
  expect(asked).toEqual([['7', { uid: true, source: { start: 0, maxLength: 65536 } }, { uid: true }]]);
  for (const nothing of [false, undefined, {}])
    expect(await fetchHead(client({ fetchOne: async () => nothing }), 7)).toHaveLength(0);
});

test('parts: until an empty one, however short those before were; a mail that goes is gone', async () => {
  const read = async (box: ImapFlow) => {
    const sizes: number[] = [];
    for await (const part of fetchParts(box, 7)) sizes.push(part.length);
    return sizes;
  };
  const asked: unknown[] = [];
  expect(await read(inParts(2_500_000, 1e9, asked))).toEqual([1048576, 1048576, 402848]);
  expect(asked).toHaveLength(4);
  expect(asked[1]).toEqual(['7', { uid: true, source: { start: 1048576, maxLength: 1048576 } }, { uid: true }]);
  expect(await read(inParts(1000, 400))).toEqual([400, 400, 200]);
  expect(await read(client({ fetchOne: async () => ({}) }))).toEqual([]);
  await expect(read(client({ fetchOne: async () => false }))).rejects.toThrow(MailGone);
  await expect(read(client({ fetchOne: async () => undefined }))).rejects.toThrow('UID 7 is gone');
});

test('sets and batches', () => {
  expect([[], [1], [1, 2], [1, 3, 4, 5, 9]].map(uidSet)).toEqual(['', '1', '1:2', '1,3:5,9']);
  const got = (sizes: number[], count: number, bytes: number) =>
    batches(
      sizes.map((size) => ({ size })),
      count,
      bytes,
    ).map((b) => b.map((m) => m.size));
  expect(got([], 2, 10)).toEqual([]);
  expect(got([1, 1, 1, 1, 1], 2, 10)).toEqual([[1, 1], [1, 1], [1]]);
  expect(got([5, 5, 1, 9, 1], 9, 10)).toEqual([[5, 5], [1, 9], [1]]);
  expect(got([5, 6, 1], 9, 10)).toEqual([[5], [6, 1]]);
  expect(got([11, 1, 11], 9, 10)).toEqual([[11], [1], [11]]);
});
