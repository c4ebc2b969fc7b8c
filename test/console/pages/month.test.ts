import { expect, test } from 'vitest';
import { monthOf, storyOf } from '../../../services/console/pages/month.ts';
import type { ClassDay } from '../../../services/store/console/domain.ts';

const line = (given: Partial<ClassDay>): ClassDay => ({
  day: '2026-10-01',
  class: 'authorized',
  messages: 0,
  passed: 0,
  forwarded: 0,
  below: 0,
  delivered: 0,
  quarantined: 0,
  rejected: 0,
  ...given,
});

test.each([
  ['2026-02', '2026-02-28', '2026-01', '2026-03'],
  ['2024-02', '2024-02-29', '2024-01', '2024-03'],
  ['2026-12', '2026-12-31', '2026-11', '2027-01'],
  ['2026-01', '2026-01-31', '2025-12', '2026-02'],
])('%s ends on %s', (month, to, before, after) => {
  expect(monthOf(month)).toEqual({ from: `${month}-01`, to, before, after });
});

test('a month without mail says so', () => {
  expect(
    storyOf('example.com', 'October 2026', { now: [], before: [line({ messages: 5, passed: 5 })], policy: 'p=none' }),
  ).toEqual(['No report that counts tells of mail in the name of example.com in October 2026.']);
});

test('the story of a month with everything', () => {
  const now = [
    line({ messages: 800, passed: 790, delivered: 800 }),
    line({ class: 'misaligned', messages: 100, delivered: 100 }),
    line({ class: 'unauthorized', messages: 100, delivered: 20, rejected: 80 }),
    // Denied, and it passes all the same.
    line({ class: 'unauthorized', messages: 30, passed: 30, delivered: 30 }),
  ];
  const before = [line({ messages: 500, passed: 450 })];
  expect(storyOf('example.com', 'October 2026', { now, before, policy: 'p=reject' })).toEqual([
    'In October 2026, receivers reported 1,030 messages in the name of example.com, 106% more than the month before.',
    '80% of them passed DMARC (90% the month before).',
    '130 messages were unauthorized: nothing authenticates their senders, or a person denied them. Receivers stopped 80 and delivered 50; the policy is now p=reject.',
    '100 messages came from services that are not set up for the domain: a strict policy would stop them.',
    '10 messages of authorized senders failed, forwarded mail aside.',
  ]);
});

test('a first month, all well', () => {
  const now = [line({ messages: 10, passed: 10, delivered: 10 })];
  expect(storyOf('example.com', 'October 2026', { now, before: [], policy: 'p=none' })).toEqual([
    'In October 2026, receivers reported 10 messages in the name of example.com.',
    '100% of them passed DMARC.',
    'No unauthorized mail was reported.',
  ]);
});

test('a month is compared where it can be, and less mail is said to be less', () => {
  const of = (messages: number, comparable?: boolean) =>
    storyOf('example.com', 'October 2026', {
      now: [line({ messages, passed: messages - 1, forwarded: 1 })],
      before: [line({ messages: 200, passed: 200 })],
      policy: 'p=none',
      ...(comparable !== undefined && { comparable }),
    });
  const first = 'In October 2026, receivers reported 100 messages in the name of example.com';
  expect(of(100)).toEqual([
    `${first}, 50% fewer than the month before.`,
    '99% of them passed DMARC (100% the month before).',
    'No unauthorized mail was reported.',
  ]);
  expect(of(100, false)[0]).toBe(`${first}.`);
  expect(of(200)[0]).toMatchInlineSnapshot(
    `"In October 2026, receivers reported 200 messages in the name of example.com, as many as the month before."`,
  );
});

test('what was forwarded makes up for no other day, and one message is told in words for one', () => {
  const now = [
    line({ messages: 5, passed: 5, forwarded: 3 }),
    line({ messages: 4, passed: 2, forwarded: 1 }),
    line({ class: 'misaligned', messages: 3, passed: 2 }),
    line({ class: 'unauthorized', messages: 1, delivered: 1 }),
  ];
  expect(storyOf('example.com', 'October 2026', { now, before: [], policy: 'p=none' })).toMatchInlineSnapshot(`
    [
      "In October 2026, receivers reported 13 messages in the name of example.com.",
      "69% of them passed DMARC.",
      "1 message was unauthorized: nothing authenticates its sender, or a person denied it. Receivers stopped 0 and delivered 1; the policy is now p=none.",
      "1 message came from services that are not set up for the domain: a strict policy would stop it.",
      "1 message of authorized senders failed, forwarded mail aside.",
    ]
  `);
});
