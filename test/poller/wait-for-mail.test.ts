import { EventEmitter } from 'node:events';
import type { ImapFlow } from 'imapflow';
import { expect, test } from 'vitest';
import { waitForMail } from '../../services/poller/wait-for-mail.ts';
import { until } from './setup.ts';

/** A connection that notes its commands. IDLE lasts until another command, and is `false` when it failed. */
class Fake extends EventEmitter {
  usable = true;
  said: string[] = [];
  logged: object[] = [];
  capabilities = new Map([['IDLE', true]]);
  log = { debug: (entry: object) => void this.logged.push(entry) };
  idleAnswer: () => Promise<boolean> = () => new Promise((resolve) => this.once('command', () => resolve(true)));
  async idle(): Promise<boolean> {
    this.said.push('IDLE');
    return await this.idleAnswer();
  }
  async noop(): Promise<void> {
    this.said.push('NOOP');
    this.emit('command');
  }
}

function begin(fake: Fake, { idle = true, pollSeconds = 600, quietMs = 600_000 } = {}) {
  const stopping = new AbortController();
  const state = { over: false };
  const waiting = waitForMail(fake as unknown as ImapFlow, { idle, pollSeconds }, quietMs, stopping.signal).then(() => {
    state.over = true;
  });
  return { waiting, stop: () => stopping.abort(), isOver: () => state.over };
}
const turn = () => new Promise((resolve) => setTimeout(resolve, 30));
const listeners = (fake: Fake) => fake.listenerCount('exists') + fake.listenerCount('close');

test('a mail that arrives ends the waiting after one NOOP; one that goes does not', async () => {
  const fake = new Fake();
  const { waiting, isOver } = begin(fake);
  expect(listeners(fake)).toBe(2);
  fake.emit('exists', { count: 1, prevCount: 2 });
  fake.emit('exists', { count: 1, prevCount: 1 });
  await turn();
  expect([isOver(), fake.said]).toEqual([false, ['IDLE']]);
  fake.emit('exists', { count: 2, prevCount: 1 });
  await waiting;
  expect(fake.said).toEqual(['IDLE', 'NOOP']);
  expect(listeners(fake)).toBe(0);
});

test('a connection that is closed ends it, and nothing more is sent on it', async () => {
  const fake = new Fake();
  const { waiting } = begin(fake);
  fake.usable = false;
  fake.emit('close');
  await waiting;
  expect(fake.said).toEqual(['IDLE']);
  // Nor is anything on one that was closed before.
  await begin(fake).waiting;
  expect(fake.said).toEqual(['IDLE']);
});

test('a stop ends it, and nothing more is sent', async () => {
  const fake = new Fake();
  const { waiting, stop } = begin(fake, { idle: false });
  stop();
  await waiting;
  expect(fake.said).toEqual([]);
});

test.each([
  ['is not to be used', false, true],
  ['is not offered', true, false],
])('where IDLE %s, the server is asked by NOOP whenever it was silent', async (_, idle, offered) => {
  const fake = new Fake();
  if (!offered) fake.capabilities.clear();
  const { waiting, stop } = begin(fake, { idle, quietMs: 5 });
  await until('it is asked', () => fake.said.length >= 3);
  stop();
  await waiting;
  expect(new Set(fake.said)).toEqual(new Set(['NOOP']));
});

test('the folder is due after pollSeconds, also where the silence to test would be longer', async () => {
  const fake = new Fake();
  await begin(fake, { idle: false, pollSeconds: 0.05 }).waiting;
  expect(fake.said).toEqual(['NOOP']);
});

test('IDLE follows the command that ended it; it is not repeated once it failed, or the waiting is over', async () => {
  const fake = new Fake();
  const first = begin(fake, { quietMs: 200 });
  await until('it idles again', () => fake.said.filter((what) => what === 'IDLE').length >= 2);
  first.stop();
  await first.waiting;
  const before = fake.said.length;
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(fake.said.length).toBe(before);

  const failing = new Fake();
  failing.idleAnswer = async () => false;
  const second = begin(failing);
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(failing.said).toEqual(['IDLE']);
  second.stop();
  await second.waiting;

  const unusable = new Fake();
  unusable.idleAnswer = async () => {
    unusable.usable = false;
    return true;
  };
  const third = begin(unusable);
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(unusable.said).toEqual(['IDLE']);
  third.stop();
  await third.waiting;
});

test('an IDLE that breaks is left to the next command', async () => {
  const fake = new Fake();
  const error = new Error('reset');
  fake.idleAnswer = () => Promise.reject(error);
  const { waiting, stop, isOver } = begin(fake);
  await until('it is noted', () => fake.logged.length > 0);
  expect([fake.logged, isOver()]).toEqual([[{ err: error }], false]);
  stop();
  await waiting;
});
