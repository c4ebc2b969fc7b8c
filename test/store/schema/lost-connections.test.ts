import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { isLost, isSilent, type Known, type Watched } from '../../../services/store/schema/silent-connections.ts';

const PATIENCE = { everyMs: 1, askAfterMs: 1, askMs: 1, silentMs: 100, longestMs: 5_000 };
/** A connection whose socket has sent and got so many bytes. */
const connection = (sent: number, got: number, query?: unknown): Watched => ({
  client: {
    processID: 7,
    connection: { stream: { bytesWritten: sent, bytesRead: got } as never, prependListener: () => undefined },
    _getActiveQuery: () => query,
  },
  answered: 0,
  written: 10,
  read: 20,
  since: 1_000,
});
const session = (state: string | null, wait_event: string | null = null): Known => new Map([[7, { state, wait_event }]]);

test.each<[string, Known, number, boolean]>([
  ['nobody answers, for less than that is borne', 'silent', 99, false],
  ['nobody answers', 'silent', 100, true],
  ['the server refuses us, which may pass', 'answers', 999, false],
  ['the server refuses us, for long', 'answers', 1_000, true],
  ['a pooler is between, which may know', 'pooled', 999, false],
  ['a pooler is between, for long', 'pooled', 1_000, true],
  ['the server does not know it', new Map([[8, { state: 'active', wait_event: null }]]), 1, true],
  ['the server works on it', session('active'), 4_999, false],
  ['the server works on it for longer than on any', session('active'), 5_000, true],
  ['the server waits for a lock', session('active', 'relation'), 4_999, false],
  ['the server waits for bytes of ours', session('active', 'ClientRead'), 1, true],
  ['the server waits to send its answer', session('active', 'ClientWrite'), 1, true],
  ['the server is done with it', session('idle'), 1, true],
  ['the server is done with it, in a transaction', session('idle in transaction'), 1, true],
])('whether a statement is lost: %s', (_, known, forMs, lost) => {
  expect(isLost(connection(10, 20), known, 1_000 + forMs, PATIENCE)).toBe(lost);
});

test.each<[string, Watched, number, boolean]>([
  ['nothing has come or gone for as long as it takes', connection(10, 20), 100, true],
  ['nothing has come or gone, not yet for so long', connection(10, 20), 99, false],
  ['something was sent', connection(11, 20), 100, false],
  ['something came', connection(10, 21), 100, false],
  ['nothing was asked', { ...connection(10, 20), answered: 10 }, 100, false],
  ['one octet was asked', { ...connection(10, 20), answered: 9 }, 100, true],
  ['a query of another kind runs', connection(10, 20, {}), 100, true],
])('whether a connection is silent: %s', (_, one, forMs, silent) => {
  expect(isSilent(one, 1_000 + forMs, 100)).toBe(silent);
  // What has come and gone is noted: the wait begins anew.
  const { bytesWritten, bytesRead } = one.client.connection.stream;
  const begun = silent || forMs < 100 ? 1_000 : 1_000 + forMs;
  expect([one.written, one.read, one.since]).toEqual([bytesWritten, bytesRead, begun]);
});

test('a COPY whose next lines are still being made waits for us, one that has lines to send or is ended does not', () => {
  const copy = new Writable({ highWaterMark: 100, write: () => undefined, final: () => undefined });
  const silent = () => isSilent(connection(10, 20, copy), 1_100, 100);
  expect(silent()).toBe(false);
  copy.write('lines');
  expect(silent()).toBe(true);
  const ended = new Writable({ write: () => undefined, final: () => undefined });
  ended.end();
  expect(isSilent(connection(10, 20, ended), 1_100, 100)).toBe(true);
});

test('a client that does not say what runs is taken as it is', () => {
  const one = connection(10, 20);
  delete one.client._getActiveQuery;
  expect(isSilent(one, 1_100, 100)).toBe(true);
});
