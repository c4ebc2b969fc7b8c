import { describe, expect, test } from 'vitest';
import { episode, isGone, isMended, isRehearsal, sendersOf } from '../../../services/analyzer/sending/senders.ts';
import { senderKey } from '../../../services/store/sending/judged.ts';
import { declares, sendingOf, sent, unsigned } from '../sent-rows.ts';
import { expectLives } from './invented-sending.ts';

test.each([
  [{ cluster: 'eu-1', environment: 'production', workload: 'shop' }, 'eu-1/production/shop'],
  [{ cluster: '', environment: 'production', workload: 'shop' }, 'production/shop'],
  [{ cluster: '', environment: '', workload: '' }, '-/-'],
  [{ cluster: 'a/b', environment: '', workload: '50%' }, 'a%2Fb/-/50%25'],
])('the name of %j is %s', (sender, key) => expect(senderKey(sender)).toBe(key));

describe('an environment to try things in', () => {
  test.each(['staging', 'eu-staging', 'stg2', 'Dev', 'qa_1', 'pre-prod', 'uat'])('%s', (name) =>
    expect(isRehearsal(name, null)).toBe(true),
  );
  test.each(['', 'production', 'live', 'contest', 'developers', 'latest', 'prod-eu'])('not %s', (name) =>
    expect(isRehearsal(name, null)).toBe(false),
  );
  test('is not the one that others are compared with', () =>
    expect(isRehearsal('test', { ...declares(), reference: 'test' })).toBe(false));
});

test('workloads are listed by their mail, the largest first', () => {
  const days = [sent(1, 2, 1), sent(5, 2, 1, { workload: 'b' }), sent(3, 2, 1, { cluster: '' })];
  expect(sendersOf(sendingOf(days)).map(({ key }) => key)).toEqual([
    'eu-1/production/b',
    'production/shop',
    'eu-1/production/shop',
  ]);
});

test('an episode goes back as long as no two of its days are further apart than said', () => {
  const rows = [unsigned(1, 2, 1), unsigned(1, 26, 25), unsigned(1, 74, 73), unsigned(1, 146, 145)];
  expect(episode(rows)).toEqual(rows.slice(0, 3));
  expect(episode(rows, 1)).toEqual(rows.slice(0, 2));
  expect(episode([])).toEqual([]);
});

test('what came on several days is over after as many, and at most a week', () => {
  const good = [sent(9, 1, 0)];
  expect(isMended([unsigned(1, 3, 2)], good)).toBe(true);
  expect(isMended([unsigned(1, 1, 0.5)], good)).toBe(false);
  expect(isMended([unsigned(1, 26, 25), unsigned(1, 50, 49)], good)).toBe(false);
  expect(isMended([unsigned(1, 50, 49), unsigned(1, 74, 73)], good)).toBe(true);
  expect(isMended([], good)).toBe(false);
  expect(isMended([unsigned(1, 3, 2)], [])).toBe(false);
});

test('mail is gone when the last of it is of more than seven days ago, and when there is none', () => {
  const at = (day: string) => [{ day, last_at: new Date(`${day}T23:00:00Z`) }] as never;
  const now = new Date('2026-05-29T01:00:00Z');
  expect(['2026-05-29', '2026-05-22', '2026-05-21'].map((day) => isGone(at(day), now))).toEqual([false, false, true]);
  expect(isGone([], now)).toBe(true);
});

test.each(['unsigned_mail', 'verify_failed', 'key_not_published'])('what is said of invented logs is as it was (%s)', (name) =>
  expectLives(name),
);
