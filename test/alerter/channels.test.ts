import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Channel, channelsOf, drain } from '../../services/alerter/channels.ts';
import type { Outcome } from '../../services/alerter/mail/deliver.ts';
import { TransientError } from '../../services/shared/errors.ts';

const NOW = new Date('2026-10-06T08:00:00Z');
let now: Date;
let waiting: number;
let seen: unknown[][];
let turns: number;
beforeEach(() => {
  now = NOW;
  waiting = 0;
  seen = [];
  turns = 0;
});
afterEach(() => void vi.restoreAllMocks());

const log = Object.fromEntries(
  ['debug', 'info', 'warn'].map((level) => [level, (fields: object, text: string) => seen.push([level, fields, text])]),
);
/** A database in which `waiting` alerts are pending; it notes of which webhook it was asked. */
const db = {
  query: async (_: string, [webhook]: unknown[]) => {
    seen.push(['pending of', webhook]);
    return { rows: [{ n: waiting }] };
  },
};
const means = { db, log, metrics: {}, clock: { now: () => now }, turned: () => void turns++ } as never;
const run = (channel: Channel, stopping = new AbortController().signal) => drain(channel, means, stopping);
const logged = () => seen.filter(([what]) => what !== 'pending of');
const down = (message: string): Outcome => ({ kind: 'down', error: new TransientError('smtp_down', message) });

/** A channel whose tries come out like this; idle afterwards. */
function channelOf(outcomes: Outcome[], extra: Partial<Channel> = {}): Channel & { tries: Date[] } {
  const tries: Date[] = [];
  return {
    name: 'SMTP',
    webhook: null,
    trouble: null,
    said: null,
    tries,
    deliver: async (at) => {
      tries.push(at);
      return outcomes.shift() ?? { kind: 'idle' };
    },
    ...extra,
  };
}

test('the webhooks come first and the mail server last, which alone is asked before there is anything to send', async () => {
  const asked: string[] = [];
  const mailer = { reach: async () => void asked.push('reach') } as never;
  const hooks = [{ name: 'ops' }, { name: 'chat' }] as never;
  const channels = channelsOf(means, hooks, { mailer, from: 'a@example.org' });
  expect(channels.map(({ name, webhook, trouble, said, probe }) => [name, webhook, trouble, said, probe?.tries])).toEqual([
    ['webhook ops', 'ops', null, null, undefined],
    ['webhook chat', 'chat', null, null, undefined],
    ['SMTP', null, null, null, 0],
  ]);
  await channels[2]!.probe!.ask();
  expect(asked).toEqual(['reach']);
  expect(channelsOf(means, hooks, null).map(({ name }) => name)).toEqual(['webhook ops', 'webhook chat']);
});

test('a channel is emptied: what failed or was put off is no reason to stop, and each try counts as a sign of life', async () => {
  const channel = channelOf([{ kind: 'sent' }, { kind: 'failed' }, { kind: 'deferred' }, { kind: 'refused' }]);
  await run(channel);
  expect(channel.tries).toEqual(Array(5).fill(NOW));
  expect(turns).toBe(5);
  expect(seen).toEqual([]);
});

test('nothing is tried once it is to stop', async () => {
  const channel = channelOf([]);
  await run(channel, AbortSignal.abort());
  expect(channel.tries).toEqual([]);
  const stopping = new AbortController();
  const other = channelOf([]);
  other.deliver = async () => {
    stopping.abort();
    return { kind: 'sent' };
  };
  await run(other, stopping.signal);
  expect(seen).toEqual([]);
});

test('a channel that is down is left, and a warning once for each error; what is sent ends the trouble', async () => {
  waiting = 2;
  const channel = channelOf([down('It is down.'), down('It is down.'), down('It is full.'), { kind: 'sent' }], {
    probe: { ask: async () => undefined, tries: 0, next: null, said: null },
  });
  await run(channel);
  expect(channel.tries).toHaveLength(1);
  expect(channel).toMatchObject({ trouble: 'SMTP: It is down; 2 mails wait', said: 'It is down.' });
  waiting = 1;
  await run(channel);
  expect(channel.trouble).toBe('SMTP: It is down; 1 mail waits');
  await run(channel);
  expect(logged()).toEqual([
    ['warn', { err: 'It is down.', waiting: 2 }, 'alerts are waiting for the mail server'],
    ['debug', { err: 'It is down.', waiting: 1 }, 'alerts are waiting for the mail server'],
    ['warn', { err: 'It is full.', waiting: 1 }, 'alerts are waiting for the mail server'],
  ]);
  await run(channel);
  expect(channel).toMatchObject({ trouble: null, said: null, probe: null });
});

test.each([
  [1, 'webhook ops: It is down; 1 post waits'],
  [0, 'webhook ops: It is down; 0 posts wait'],
])('the trouble of a webhook names it, and the posts that wait: %i', async (n, trouble) => {
  waiting = n;
  const channel = channelOf([down('It is down.')], { name: 'webhook ops', webhook: 'ops' });
  await run(channel);
  expect(channel.trouble).toBe(trouble);
  expect(seen).toEqual([
    ['pending of', 'ops'],
    ['warn', { err: 'It is down.', waiting: n }, 'alerts are waiting for webhook ops'],
  ]);
});

test('trouble is over when nothing waits any more, as when another alerter has sent it', async () => {
  const channel = channelOf([], { trouble: 'SMTP: down' });
  waiting = 1;
  await run(channel);
  expect(channel.trouble).toBe('SMTP: down');
  waiting = 0;
  await run(channel);
  expect(channel.trouble).toBe(null);
});

test('the mail server is asked before the first mail, less often each time it cannot be reached', async () => {
  vi.spyOn(Math, 'random').mockReturnValue(1);
  let asked = 0;
  let answer: Error | null = new Error('No answer.');
  const ask = async () => {
    asked++;
    if (answer !== null) throw answer;
  };
  const channel = channelOf([], { probe: { ask, tries: 0, next: null, said: null } });
  await run(channel);
  expect(channel.trouble).toBe('SMTP: No answer; 0 mails wait');
  const pass = async (seconds: number) => {
    now = new Date(now.getTime() + seconds * 1000);
    await run(channel);
    return asked;
  };
  expect([await pass(4.999), await pass(0.001), await pass(9.999), await pass(0.001)]).toEqual([1, 2, 2, 3]);
  const text = 'no alert can be mailed at present; the mail server is retried';
  expect(logged()).toEqual([['warn', { err: 'No answer.' }, text]]);
  for (let i = 0; i < 10; i++) await pass(3_600);
  expect([await pass(299.999), await pass(0.001)]).toEqual([13, 14]);
  answer = new Error('Wrong password.');
  await pass(300);
  expect(logged()).toEqual([
    ['warn', { err: 'No answer.' }, text],
    ['warn', { err: 'Wrong password.' }, text],
  ]);
  answer = null;
  await pass(300);
  expect(channel).toMatchObject({ trouble: null, said: null, probe: null });
  expect(await pass(3_600)).toBe(16);
});

test('the mail server is not asked while mails wait for it: sending them shows whether it answers', async () => {
  waiting = 1;
  let asked = 0;
  const probe = { ask: async () => void asked++, tries: 0, next: null, said: null };
  const channel = channelOf([], { probe, trouble: 'SMTP: down' });
  await run(channel);
  expect([asked, channel.probe, channel.trouble]).toEqual([0, probe, 'SMTP: down']);
});
