import { expect, test } from 'vitest';
import { byPerson, type Decision } from '../../../services/console/pages/decisions.ts';

const decision = (named: string, more: Partial<Decision> = {}): Decision => ({
  named,
  sender: 'networks',
  wider: false,
  verdict: 'denied',
  by_name: 'ada',
  why: 'forged',
  since: new Date('2026-11-01T08:00:00Z'),
  until: null,
  ...more,
});
const groups = (...all: Decision[]) => byPerson(all).map((some) => some.map(({ named }) => named));

test('what one person decided at once is one decision, whatever the number of sources', () => {
  expect(groups(decision('a'), decision('b'), decision('c'))).toEqual([['a', 'b', 'c']]);
});

test.each<[string, Partial<Decision>]>([
  ['another sender', { sender: 'postbird.example' }],
  ['another verdict', { verdict: 'approved' }],
  ['another person', { by_name: 'ben' }],
  ['another reason', { why: 'spam' }],
  ['another moment', { since: new Date('2026-11-01T08:00:01Z') }],
  ['another term', { until: new Date('2026-12-01T08:00:00Z') }],
  ['one about more than a source of the domain', { wider: true }],
])('%s is a decision of its own', (_, more) => {
  expect(groups(decision('a'), decision('b', more), decision('c'))).toEqual([['a', 'c'], ['b']]);
});
