import { expect, test } from 'vitest';
import { TOLD_SECONDS, toldCookie, toldSentence } from '../../services/console/told.ts';

const NOW = new Date('2026-11-28T12:00:00Z');
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);

test('what was done is told in a sentence, with the name where it has one', () => {
  expect(toldSentence(toldCookie({ done: 'snoozed' }, 'a form', NOW), 'a form', NOW)).toBe('The finding is snoozed.');
  expect(toldSentence(toldCookie({ done: 'person_removed', about: 'ada' }, 'a form', NOW), 'a form', NOW)).toMatch(/^ada /);
});

test('a cookie of another session, a changed one, an old one and none tell nothing', () => {
  const cookie = toldCookie({ done: 'resolved' }, 'a form', NOW);
  const [text, signature] = cookie.split('.') as [string, string];
  const other = Buffer.from(JSON.stringify(['person_removed', 'eve', later(60).getTime()])).toString('base64url');
  expect(toldSentence(cookie, 'another form', NOW)).toBeNull();
  expect(toldSentence(`${other}.${signature}`, 'a form', NOW)).toBeNull();
  expect(toldSentence(`${text}.${signature.slice(1)}`, 'a form', NOW)).toBeNull();
  expect(toldSentence(toldCookie({ done: 'resolved' }, '', NOW), '', NOW)).toBeNull();
  expect(toldSentence(undefined, 'a form', NOW)).toBeNull();
  expect(toldSentence('resolved', 'a form', NOW)).toBeNull();
  expect(toldSentence(cookie, 'a form', later(TOLD_SECONDS))).not.toBeNull();
  expect(toldSentence(cookie, 'a form', later(TOLD_SECONDS + 0.001))).toBeNull();
});

test('what there is no sentence for any more is not told', () => {
  expect(toldSentence(toldCookie({ done: 'of an older version' as never }, 'a form', NOW), 'a form', NOW)).toBeNull();
});
