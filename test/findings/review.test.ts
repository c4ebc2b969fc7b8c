import { expect, test } from 'vitest';
import { type Judged, reviewOf } from '../../services/findings/review.ts';

const judged = (kind: string, right: number, wrong: number, expected = 0, mailed = right + wrong + expected): Judged => ({
  kind,
  mailed,
  right,
  expected,
  false: wrong,
});
const of = (kinds: Judged[], budget = 1) => reviewOf(kinds, [], { budget, domains: 5, months: 3 });

test('precision is by kind, and what was expected counts neither way', () => {
  expect(of([judged('new_source', 3, 1, 4, 10), judged('volume_surge', 0, 0)]).kinds).toMatchObject([
    { kind: 'new_source', precision: 0.75, unjudged: 2 },
    { kind: 'volume_surge', precision: null, unjudged: 0 },
  ]);
});

test('the budget is halved when a fifth was false, raised when hardly any was, and kept with few verdicts', () => {
  expect(of([judged('new_source', 8, 4)]).budget).toEqual({ now: 1, proposed: 0.5, seen: 4 / 15 });
  expect(of([judged('new_source', 20, 0)]).budget).toMatchObject({ proposed: 1.5 });
  expect(of([judged('new_source', 20, 0)], 2).budget).toBeNull();
  expect(of([judged('new_source', 18, 2)]).budget).toBeNull();
  expect(of([judged('new_source', 2, 4)]).budget).toBeNull();
  expect(of([judged('new_source', 0, 20)], 0.06).budget).toMatchObject({ proposed: 0.05 });
});
