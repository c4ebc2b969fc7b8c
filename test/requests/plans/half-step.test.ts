import { expect, test } from 'vitest';
import { halfStepWords, mayHalve, noHalfStepWords, type TestingKnown } from '../../../services/requests/plans/half-step.ts';

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

test('why none is made is a sentence', () => {
  expect(noHalfStepWords('example.com', known(900), null)).toContain('approvals.half_step_share');
  expect(noHalfStepWords('example.com', known(0, 0), 0.8)).toMatch(/^No report of the last 30 days shows/);
  expect(noHalfStepWords('example.com', known(120), 0.8)).toMatch(
    /^Receivers that know t=y report 12% of the mail of example\.com, and 80% is needed/,
  );
  expect(noHalfStepWords('example.com', known(900), 0.8)).toMatch(/^With t=y the step would weaken/);
});
