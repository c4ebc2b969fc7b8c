import { expect, test } from 'vitest';
import { type RecordChange, reversed } from '../../../services/applier/targets/target.ts';
import { txtOf } from '../../../services/requests/plans/members.ts';

const change = (before: string[], after: string[], ttl: RecordChange['ttl']): RecordChange => ({
  name: 'a.example.com',
  type: 'TXT',
  ttl,
  before: before.map(txtOf),
  after: after.map(txtOf),
});

test.each([
  ['a record that is replaced', ['a'], ['b'], { before: 60, after: 300 }, { before: 300, after: 60 }],
  ['a record that is published', [], ['b'], { before: null, after: 300 }, { before: 300, after: null }],
  ['a record that is taken away', ['a'], [], { before: 60, after: null }, { before: null, after: 60 }],
  ['a record whose time is not known', ['a'], ['b'], { before: null, after: 300 }, { before: 300, after: 300 }],
])('the way back of %s', (_, before, after, ttl, expected) => {
  expect(reversed(change(before, after, ttl))).toEqual(change(after, before, expected));
});
