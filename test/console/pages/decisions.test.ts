import { expect, test } from 'vitest';
import { byPerson, type Decision, decidedNotices, shortList } from '../../../services/console/pages/decisions.ts';

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

test('three sources are named, and of more how many there are', () => {
  expect([[], ['a'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd']].map((sources) => shortList(sources))).toEqual([
    { named: '', more: '' },
    { named: 'a', more: '' },
    { named: 'a, b, c', more: '' },
    { named: 'a, b, c', more: ' and 1 more' },
  ]);
});

test('who decided, about which sources, and until when; sources are not named where they are all of the page', () => {
  const until = new Date('2026-12-01T08:00:00Z');
  const all = [...['a', 'b', 'c', '<d>'].map((named) => decision(named)), decision('e', { verdict: 'approved', until })];
  const denied = 'Denied by ada on <time>2026-11-01</time> 08:00 UTC: forged</p>';
  const approved = 'Approved by ada on <time>2026-11-01</time> 08:00 UTC, until <time>2026-12-01</time> 08:00 UTC: forged</p>';
  const shown = (of?: number) => decidedNotices(all, of).map(String);
  const four = `<p class="notice denied"><span class="name">a, b, c</span> and 1 more: ${denied}`;
  expect(shown()).toEqual([four, `<p class="notice approved"><span class="name">e</span>: ${approved}`]);
  expect(shown(4)[0]).toBe(`<p class="notice denied">${denied}`);
  expect(shown(1)).toEqual([four, `<p class="notice approved">${approved}`]);
});
