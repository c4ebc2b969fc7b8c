import { expect, test } from 'vitest';
import { titleOf } from '../../../services/alerter/requests/subject.ts';

// What stands behind the tag has 66 characters at most.
const open = (domain: string, key = 7) =>
  titleOf({ event: 'open', asks: true, key, plan: { kind: 'policy.step', domain, risk: 'medium' } });
const name = (length: number) => `${'x'.repeat(length - 8)}.example`;

test.each([
  [21, `Decide on request 7: policy of ${name(21)} (medium risk)`],
  [22, `Decide on request 7: policy of ${name(22)}`],
  [35, `Decide on request 7: policy of ${name(35)}`],
  [36, `Decide on request 7: policy of …${name(36).slice(2)}`],
])('a domain of %i characters has room for the risk, for itself, or for its end', (length, title) => {
  expect(title.length).toBeLessThanOrEqual(66);
  expect(open(name(length))).toBe(title);
});

test.each([
  [12, 'Still to decide: request 777777777777: end of a third party for …e'],
  [13, 'Still to decide: request 7777777777777'],
])('a number of %i digits leaves room for the end of the name, or for nothing', (digits, title) => {
  const plan = { kind: 'sender.offboard', domain: name(30), risk: 'low' } as const;
  expect(titleOf({ event: 'remind', asks: true, key: Number('7'.repeat(digits)), plan })).toBe(title);
});

test('news have no risk, and a domain or all of them', () => {
  const news = (event: string, domain: string) =>
    titleOf({ event, asks: false, key: 7, plan: { kind: 'policy.step', domain, risk: 'high' } });
  expect(news('approve', 'a.example')).toBe('Request 7 approved: policy of a.example');
  expect(news('odd', '*')).toBe('Request 7 changed: policy of every domain');
});
