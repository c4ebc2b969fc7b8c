import { afterEach, expect, test } from 'vitest';
import { Inbox } from '../../../services/cli/probe/inbox.ts';
import { PROBE_LIMITS, type ProbeMail } from '../../../services/cli/probe/mail.ts';
import type { Verdict } from '../../../services/cli/probe/verdict.ts';

const LIMITS = { ...PROBE_LIMITS };
afterEach(() => {
  Object.assign(PROBE_LIMITS, LIMITS);
});
const mail = (bytes = 10): ProbeMail => ({
  raw: Buffer.alloc(bytes),
  at: new Date(0),
  peer: '192.0.2.1',
  helo: 'h',
  mailFrom: '',
  recipients: [],
  user: null,
});
const VERDICT = {} as Verdict;
const messages = (inbox: Inbox) => inbox.refused.map(({ message }) => message);

test('each mail that is taken has its verdict, also those that wait at the end', async () => {
  let seen = 0;
  const inbox = new Inbox(
    async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return VERDICT;
    },
    () => seen++,
  );
  for (let n = 0; n < 50; n++) expect(inbox.take(mail())).toBe(true);
  await inbox.close();
  expect([inbox.verdicts.length, seen, messages(inbox)]).toEqual([50, 50, []]);
  // The run is over, which is nobody's fault.
  expect(inbox.take(mail())).toBe(false);
  expect(messages(inbox)).toEqual([]);
});

test('more mails than the limit are refused, and that is said once', async () => {
  PROBE_LIMITS.mails = 3;
  const inbox = new Inbox(
    async () => VERDICT,
    () => undefined,
  );
  expect(Array.from({ length: 6 }, () => inbox.take(mail()))).toEqual([true, true, true, false, false, false]);
  await inbox.close();
  expect(messages(inbox)).toEqual(['More than 3 mails came, and the further ones were refused.']);
});

test('too much that waits is put off, and taken when there is room', async () => {
  PROBE_LIMITS.waiting = 100;
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const inbox = new Inbox(
    async () => {
      await held;
      return VERDICT;
    },
    () => undefined,
  );
  expect([inbox.take(mail(60)), inbox.take(mail(60))]).toEqual([true, false]);
  release();
  await inbox.close();
  expect(messages(inbox)).toEqual([]);
});

test('what is never decided ends the run all the same', async () => {
  PROBE_LIMITS.lateMs = 50;
  const inbox = new Inbox(
    () => new Promise(() => undefined),
    () => undefined,
  );
  for (let n = 0; n < 9; n++) inbox.take(mail());
  await inbox.close();
  expect(messages(inbox)).toEqual(['9 mails were taken and not decided in time: DNS does not answer.']);
});

test('four are decided at once, and what they took makes room when they are', async () => {
  PROBE_LIMITS.waiting = 50;
  const releases: (() => void)[] = [];
  const inbox = new Inbox(
    () => new Promise((resolve) => releases.push(() => resolve(VERDICT))),
    () => undefined,
  );
  expect(Array.from({ length: 6 }, () => inbox.take(mail()))).toEqual([true, true, true, true, true, false]);
  expect(releases).toHaveLength(4);
  for (const release of releases.splice(0)) release();
  await new Promise(setImmediate);
  expect([releases.length, inbox.verdicts.length, inbox.take(mail(40)), inbox.take(mail(1))]).toEqual([1, 4, true, false]);
  const closed = inbox.close();
  for (const release of releases.splice(0)) release();
  await closed;
  expect([inbox.verdicts.length, messages(inbox)]).toEqual([6, []]);
});

test('one that is never decided is told of, beside those that were', async () => {
  PROBE_LIMITS.lateMs = 20;
  let n = 0;
  const inbox = new Inbox(
    async () => (n++ === 0 ? VERDICT : new Promise<Verdict>(() => undefined)),
    () => undefined,
  );
  inbox.take(mail());
  await new Promise(setImmediate);
  inbox.take(mail());
  await inbox.close();
  expect(messages(inbox)).toEqual(['1 mails were taken and not decided in time: DNS does not answer.']);
});

test('what waits when the run is over is not begun', async () => {
  PROBE_LIMITS.lateMs = 20;
  const releases: (() => void)[] = [];
  const inbox = new Inbox(
    () => new Promise((resolve) => releases.push(() => resolve(VERDICT))),
    () => undefined,
  );
  for (let n = 0; n < 9; n++) inbox.take(mail());
  await inbox.close();
  for (const release of releases.slice()) release();
  await new Promise(setImmediate);
  expect(releases).toHaveLength(4);
});

test('a run without mail ends at once', async () => {
  PROBE_LIMITS.lateMs = 600_000;
  const inbox = new Inbox(
    async () => VERDICT,
    () => undefined,
  );
  await inbox.close();
  expect(messages(inbox)).toEqual([]);
});

test('twenty refusals are listed, each reason once', () => {
  const inbox = new Inbox(
    async () => VERDICT,
    () => undefined,
  );
  for (let n = 0; n < 42; n++) inbox.refuse(`reason ${n >> 1}`);
  expect(messages(inbox)).toEqual(Array.from({ length: 20 }, (_, n) => `reason ${n}`));
});

test('a mail on which deciding fails is named, and the others are decided', async () => {
  let n = 0;
  const inbox = new Inbox(
    async () => {
      if (n++ === 1) throw new Error('a bug');
      return VERDICT;
    },
    () => undefined,
  );
  for (let count = 0; count < 4; count++) inbox.take(mail());
  await inbox.close();
  expect(inbox.verdicts.length).toBe(3);
  expect(messages(inbox)).toEqual(['A mail from 192.0.2.1 could not be decided: a bug.']);
});
