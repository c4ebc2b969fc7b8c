import { expect, test } from 'vitest';
import { endingTitle, endingWords } from '../../../services/findings/sentences/end-reasons.ts';
import { ENDINGS } from '../endings.ts';

test.each(ENDINGS)('the words of $reason are a sentence', (ending) => {
  expect(endingWords(ending)).toMatch(/^[A-Z].*[.]$/);
  expect(endingWords(ending)).not.toMatch(/undefined|null/);
});

test('no reason has the words of another', () => {
  const words = ENDINGS.map(endingWords);
  expect(new Set(words).size).toBe(words.length);
});

test('what people and older versions wrote is kept as it is', () => {
  expect(endingWords({ reason: 'closed', by: 'Ada', why: 'ticket 7' })).toBe('Closed by Ada: ticket 7');
  expect(endingWords({ reason: 'stated', text: 'It is over' })).toBe('It is over');
});

test('numbers and the largest sender are in the words', () => {
  expect(endingWords({ reason: 'no_such_mail', days: 14, unusual: true })).toBe(
    'No more such mail than usual on the last 14 report days.',
  );
  expect(endingWords(ENDINGS.at(-1)!)).toBe(
    'All 3 senders have recovered or are silent. The largest: Its mail has passed DMARC since 2026-05-01.',
  );
});

test('mail of any amount is named so only where some of it is usual', () => {
  expect(endingWords({ reason: 'no_such_mail', days: 14, unusual: false })).toBe('No such mail on the last 14 report days.');
  expect(endingWords({ reason: 'no_such_mail', days: 14 })).toBe('No such mail on the last 14 report days.');
});

test('seven tags of a policy are named, and more are counted', () => {
  const words = (n: number) =>
    endingWords({ reason: 'policy_restored', tags: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].slice(0, n), since: '2026-05-01' });
  expect(words(7)).toBe('The policy has been back at a, b, c, d, e, f and g since 2026-05-01.');
  expect(words(8)).toBe('The policy has been back at a, b, c, d, e, f and 2 more since 2026-05-01.');
});

test('what was only not seen is not called resolved', () => {
  const titles = ENDINGS.map((ended) => endingTitle(ended));
  expect(endingTitle(null)).toBe('Resolved');
  expect(endingTitle({ reason: 'closed', by: 'Ada', why: 'ticket 7' })).toBe('Closed');
  expect(new Set(titles)).toEqual(
    new Set(['Resolved', 'Not seen for 7 days', 'Not forged after all', 'No longer new', 'Back to usual']),
  );
  expect(endingTitle({ reason: 'all_recovered', senders: 2, largest: { reason: 'no_mail', days: 14 } })).toBe(
    'Not seen for 14 days',
  );
});
