import { expect, test } from 'vitest';
import {
  halfStepWords,
  mayHalve,
  noHalfStepWords,
  type TestingKnown,
  wholeStepWords,
} from '../../../services/requests/plans/half-step.ts';

const known = (knowing: number, messages = 1000): TestingKnown => ({
  days: 30,
  messages,
  knowing,
  others: ['a.example', 'b.example'],
});

test.each([
  ['v=DMARC1; p=none', 'quarantine', known(800), 0.8, true],
  ['v=DMARC1; p=none', 'quarantine', known(799), 0.8, false],
  ['v=DMARC1; p=none', 'quarantine', known(1000), null, false],
  ['v=DMARC1; p=none', 'quarantine', known(0, 0), 0.5, false],
  ['v=DMARC1; p=quarantine', 'reject', known(900), 0.8, true],
  ['v=DMARC1; p=none', 'reject', known(900), 0.8, true],
  // Not towards a stricter policy, or tried out already.
  ['v=DMARC1; p=reject', 'reject', known(900), 0.8, false],
  ['v=DMARC1; p=reject', 'quarantine', known(900), 0.8, false],
  ['v=DMARC1; p=none; t=y', 'quarantine', known(900), 0.8, false],
  // t=y would weaken what is published for names below.
  ['v=DMARC1; p=none; sp=reject', 'quarantine', known(900), 0.8, false],
  ['v=DMARC1; p=none; np=reject', 'quarantine', known(900), 0.8, false],
  ['v=DMARC1; rua=mailto:a@example.com', 'quarantine', known(900), 0.8, false],
] as const)('%s to %s: %j at %s', (text, to, of, share, may) => {
  expect(mayHalve(text, to, of, share)).toBe(may);
});

test('the plan says what those do who know t, and what all others do', () => {
  expect(halfStepWords('reject', known(900))).toEqual([
    't=y is half a step: receivers that know it treat failing mail as under p=quarantine until t=y is removed. They report 90% of 1,000 messages of the last 30 days.',
    'All others do not know it and reject failing mail at once: 100 messages, reported by a.example and b.example. There is no pct any more (RFC 9989).',
  ]);
});

test('of all that report, none may be left, or more than are named', () => {
  expect(halfStepWords('quarantine', { ...known(1, 1), days: 1 })).toEqual([
    't=y is half a step: receivers that know it treat failing mail as under p=none until t=y is removed. They report 100% of 1 message of the last 1 day.',
    'Receivers that do not know it quarantine failing mail at once; none of them reports.',
  ]);
  // There is nothing below the mildest.
  expect(halfStepWords('none', known(0, 0))[0]).toBe(
    't=y is half a step: receivers that know it treat failing mail as under p=none until t=y is removed. They report 0% of 0 messages of the last 30 days.',
  );
  const others = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `${name}.example`);
  const named = (count: number) =>
    /reported by (.*?)\. There/.exec(halfStepWords('none', { ...known(999), others: others.slice(0, count) })[1]!)?.[1];
  expect([named(5), named(6), named(7)]).toEqual([
    'a.example, b.example, c.example, d.example and e.example',
    'a.example, b.example, c.example, d.example and 2 more',
    'a.example, b.example, c.example, d.example and 3 more',
  ]);
});

test('why none is made is a sentence', () => {
  expect([
    noHalfStepWords('example.com', known(900), null),
    noHalfStepWords('example.com', known(0, 0), 0.8),
    noHalfStepWords('example.com', known(120), 0.8),
    noHalfStepWords('example.com', known(800), 0.8),
    wholeStepWords(known(120)),
    wholeStepWords(known(0, 0)),
  ]).toEqual([
    'The settings want no half steps (approvals.half_step_share).',
    'No report of the last 30 days shows which receivers of mail of example.com know t=y: ask for the whole step.',
    'Receivers that know t=y report 12% of the mail of example.com, and 80% is needed: all others would apply the policy at once. Ask for the whole step.',
    'With t=y the step would weaken what example.com publishes already, or is none towards a stricter policy: ask for the whole step.',
    'It is a whole step, not one with t=y: receivers that know t report 12% of the mail, and the others would apply the policy all the same.',
    'It is a whole step, not one with t=y: receivers that know t report 0% of the mail, and the others would apply the policy all the same.',
  ]);
});
