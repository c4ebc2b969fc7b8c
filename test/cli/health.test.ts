import { expect, test } from 'vitest';
import { endsWithin, readiness, type State, stuck } from '../../services/cli/health.ts';

const service = (name: string, waiting: string | null, still: string | null = null) =>
  ({ name, waitingFor: () => waiting, stuck: () => still, stop: async () => undefined }) as State['running'][number];
/** A process whose servers answer, or do not. */
const state = (over: Partial<State> & { backend?: string; database?: Error; queue?: Error } = {}): State =>
  ({
    context: {
      db: { query: async () => (over.database ? Promise.reject(over.database) : { rows: [{}] }) },
      queues: {
        backend: over.backend ?? 'postgres',
        check: async () => (over.queue ? Promise.reject(over.queue) : undefined),
      },
    },
    running: [service('parser', null)],
    wanted: 1,
    waiting: null,
    ...over,
  }) as never;

test.each<[string, State, string[]]>([
  ['is ready', state(), []],
  ['opens its servers', state({ context: null }), ['the services are starting']],
  ['waits for a server', state({ context: null, waiting: 'Postgres is down' }), ['waiting: Postgres is down']],
  ['has started one service of two', state({ wanted: 2 }), ['the services are starting']],
  ['has a service that waits', state({ running: [service('poller', 'no login')] }), ['poller: no login']],
  ['has a loop that stands still', state({ running: [service('parser', null, 'a sweep')] }), ['parser: a sweep']],
  ['has a database that fails', state({ database: new Error('planted') }), [expect.stringMatching(/^database: .*planted/)]],
  ['has a queue that fails', state({ queue: new Error('planted') }), [expect.stringMatching(/^queue: .*planted/)]],
  [
    'has a Redis that fails',
    state({ backend: 'redis', queue: new Error('planted') }),
    [expect.stringMatching(/^queue: Redis does not answer at the address in REDIS_URL: .*planted/)],
  ],
  [
    'has a Redis that is full',
    state({ backend: 'redis', queue: Object.assign(new Error('OOM command not allowed'), { name: 'ReplyError' }) }),
    ['queue: Redis refuses jobs at the address in REDIS_URL: Redis has reached its maxmemory'],
  ],
])('a process that %s', async (_, given, sentences) => {
  expect(await readiness(given)).toEqual(sentences);
});

test('a service is named with what stands still, and others are not', () => {
  expect(stuck({ running: [service('a', null), service('b', 'waits', 'the sweep')] })).toEqual(['b: the sweep']);
});

test('work ends in time, or does not, or fails', async () => {
  expect(await endsWithin(Promise.resolve(), 60_000)).toBe(true);
  expect(await endsWithin(new Promise(() => undefined), 1)).toBe(false);
  await expect(endsWithin(Promise.reject(new Error('planted')), 60_000)).rejects.toThrow('planted');
});
