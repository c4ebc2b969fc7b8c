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

test('just a fifth is kept, just a fiftieth too, and just ten verdicts are enough', () => {
  expect(of([judged('new_source', 8, 2)]).budget).toBeNull();
  expect(of([judged('new_source', 7, 3)]).budget).toMatchObject({ proposed: 0.5 });
  expect(of([judged('new_source', 6, 3)]).budget).toBeNull();
  expect(of([judged('new_source', 7, 4)]).budget).toMatchObject({ proposed: 0.5 });
  expect(of([judged('new_source', 49, 1)]).budget).toBeNull();
  expect(of([judged('new_source', 50, 1)]).budget).toMatchObject({ proposed: 1.5 });
  expect(of([]).budget).toBeNull();
});

test('the budget that is seen is by domain and month, of one domain and one day at least', () => {
  const seen = (domains: number, months: number) =>
    reviewOf([judged('new_source', 0, 12)], [], { budget: 1, domains, months }).budget!.seen;
  expect(seen(0, 1)).toBe(12);
  expect(seen(1, 1)).toBe(12);
  expect(seen(4, 3)).toBe(1);
  expect(seen(1, 0)).toBeCloseTo(360);
});

test('a proposal has two digits', () => {
  expect(of([judged('new_source', 0, 20)], 0.333).budget).toMatchObject({ proposed: 0.17 });
});
