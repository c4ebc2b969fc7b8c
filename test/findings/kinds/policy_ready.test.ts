import { expect, test } from 'vitest';
import { factWords } from '../../../services/findings/kinds/index.ts';
import { EVIDENCE, SAMPLES } from './samples.ts';
import { expectWords } from './words.ts';

const words = (given: Partial<typeof SAMPLES.policy_ready>, evidence: Partial<typeof EVIDENCE> = {}) =>
  factWords(
    { domain: 'example.com', subject: 'example.com', evidence: { ...EVIDENCE, messages: 0, by_class: {}, ...evidence } },
    { ...SAMPLES.policy_ready, spf_alone: 0, ...given },
  );

test('what the policy would have affected, by class, in one order', () => {
  expect(words({}).what).toMatch(/would have affected no mail\.$/);
  const by_class = { unknown: 1, forwarded: 1204, authorized: 2, unauthorized: 0, misaligned: 3 };
  expect(words({}, { messages: 1210, by_class }).what).toMatch(
    /1,210 messages: 2 from your own senders, 3 from rightful .*, 1,204 from forwarders and mailing lists, 1 from sources too small/,
  );
});

test('forwarded mail speaks against reject, not against quarantine', () => {
  const by_class = { forwarded: 1 };
  const reject = words({ next: 'reject' }, { messages: 1, by_class });
  expect(reject.advice).toHaveLength(2);
  expect(reject.advice[1]).toMatch(/^1 message that mailing lists/);
  expect(words({ next: 'quarantine' }, { messages: 1, by_class }).advice).toHaveLength(1);
  expect(words({ next: 'reject' }).advice).toHaveLength(1);
  expect(words({ next: 'quarantine' }).advice[0]).toContain('those that do not know it quarantine at once');
  expect(words({ next: 'reject' }).advice[0]).not.toContain('t=y');
});

test('more than a twentieth that passes by SPF alone speaks against reject', () => {
  expect(words({ next: 'reject', own: 1000, spf_alone: 50 }).advice).toHaveLength(1);
  expect(words({ next: 'reject', own: 1000, spf_alone: 51 }).advice[1]).toMatch(/^51 messages passed by SPF alone/);
  expect(words({ next: 'quarantine', own: 1000, spf_alone: 900 }).advice).toHaveLength(1);
});

test('the share that passed is of the own mail', () => {
  expect(words({ own: 200, passed: 150 }).summary).toContain('75%');
});

test('its words before each step', () =>
  expectWords('policy_ready', {
    'quarantine, one reporter, nothing fails': {
      facts: { next: 'quarantine', own: 1, passed: 1 },
      evidence: { messages: 0, by_class: undefined },
    },
    'quarantine, forwarded mail and SPF alone do not matter': { facts: { next: 'quarantine' }, evidence: { messages: 4 } },
    'the end of a trial (t=y)': { facts: { next: 'quarantine', testing: true }, evidence: { messages: 4 } },
    'reject, forwarded mail and SPF alone': { evidence: { messages: 4, reporters: ['google.com', 'yahoo.com'] } },
    'reject, all classes, SPF alone just few enough': {
      facts: { spf_alone: 50 },
      evidence: {
        messages: 1209,
        by_class: { authorized: 1, misaligned: 2, forwarded: 1, unauthorized: 1200, unknown: 5, other: 0 },
      },
    },
    'reject, no forwarded mail': { facts: { spf_alone: 51 }, evidence: { messages: 3, by_class: { unknown: 3, forwarded: 0 } } },
  }));
