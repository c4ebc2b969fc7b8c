import { expect, test } from 'vitest';
import { culpable, ownOf, sumOf, totalsOf } from '../../../services/analyzer/unauthenticated/networks.ts';
import { ago, domainWindow } from '../rows.ts';

const NOTHING = { passed: 0, failed: 0, below: 0, delivered: 0, quarantined: 0, rejected: 0, reporters: ['google.com'] };
/** Days of a network, the last is today: [passed, failed]. */
const days = (...counts: [number, number][]) =>
  counts.map(([passed, failed], i) => ({ ...NOTHING, day: ago(counts.length - 1 - i), passed, failed }));
const network = (counts: [number, number][], before = { passed: 0, failed: 0, days: 0 }) => ({
  source: '198.18.1.0/24',
  days: days(...counts),
  before,
});
const found = (...given: Parameters<typeof network>) => culpable(network(...given), '').map(({ day }) => day);

test('the days since unauthenticated mail took the upper hand', () => {
  expect(found([[0, 9]])).toEqual([ago(0)]);
  expect(
    found([
      [9, 1],
      [8, 9],
      [9, 1],
    ]),
  ).toEqual([ago(1), ago(0)]);
  // Noise of a rightful network.
  expect(
    found([
      [9, 1],
      [9, 2],
    ]),
  ).toEqual([]);
  expect(found([[5, 5]])).toEqual([]);
});

test('days that are settled do not count, nor do those without failing mail', () => {
  expect(
    culpable(
      network([
        [0, 9],
        [4, 9],
        [5, 0],
      ]),
      ago(2),
    ).map(({ day }) => day),
  ).toEqual([ago(1)]);
});

test('a network whose own mail stopped as the failing mail began is a sender that broke', () => {
  const before = { passed: 1_000, failed: 10, days: 10 };
  expect(
    found(
      [
        [100, 0],
        [0, 100],
      ],
      before,
    ),
  ).toEqual([]);
  // Its own mail goes on: somebody else is there too.
  expect(
    found(
      [
        [100, 0],
        [90, 100],
      ],
      before,
    ),
  ).toEqual([ago(0)]);
  // It never mostly passed.
  expect(
    found(
      [
        [100, 0],
        [0, 100],
      ],
      { passed: 10, failed: 1_000, days: 1 },
    ),
  ).toEqual([ago(0)]);
});

test('what a network used to send a day is its failing mail of the four weeks before', () => {
  const one = network([[0, 9]], { passed: 0, failed: 70, days: 0 });
  expect(ownOf(one, domainWindow([]))).toBe(70 / 28);
  expect(ownOf({ ...one, before: { ...one.before, failed: 0 } }, domainWindow([]))).toBe(0);
});

test('no more is delivered than failed: a day of passing mail has delivered mail too', () => {
  const [day] = days([50, 10]);
  expect(sumOf([{ ...day!, delivered: 60, rejected: 3 }])).toEqual({
    messages: 10,
    passed: 50,
    delivered: 10,
    quarantined: 0,
    rejected: 3,
  });
});

test('what fails on a network beyond four times its usual mail is somebody else, although its own mail stopped', () => {
  const before = { passed: 1_000, failed: 10, days: 10 };
  expect(found([[0, 400]], before)).toEqual([]);
  expect(found([[0, 401]], before)).toEqual([ago(0)]);
});

test('a day has the sum of its networks, and of those too many to list', () => {
  const sent = days([0, 4], [50, 5]).map((day) => ({ ...day, delivered: 20, reporters: [] }));
  const rest = { day: ago(0), failed: 7, delivered: 1, quarantined: 0, rejected: 0 };
  const totals = totalsOf([{ source: 'x', days: sent, own: 0 }], { networks: 9, failed: 7, days: [rest] });
  expect(Object.fromEntries(totals)).toEqual({
    [ago(1)]: { messages: 4, delivered: 4 },
    [ago(0)]: { messages: 12, delivered: 6 },
  });
});

test('what a network used to send is of its good days and the days before, and its mail is gone below a third', () => {
  const before = (passed: number, n = 10) => ({ passed, failed: 0, days: n });
  // Days on which more fails than passes are no good ones.
  expect(
    found([
      [9, 10],
      [0, 10],
      [0, 10],
      [0, 10],
    ]),
  ).toEqual([ago(3), ago(2), ago(1), ago(0)]);
  // A message a day is something to lose.
  expect(found([[0, 3]], before(10))).toEqual([]);
  expect(found([[0, 5]], before(10))).toEqual([ago(0)]);
  const third = (passed: number) =>
    found(
      [
        [3, 9],
        [passed, 9],
      ],
      before(120),
    );
  expect(third(4)).toEqual([]);
  expect(third(5)).toEqual([ago(1), ago(0)]);
  // Where more failed than passed before, nothing rightful is gone.
  expect(found([[0, 9]], { passed: 120, failed: 120, days: 10 })).toEqual([]);
  expect(found([[0, 9]], { passed: 120, failed: 121, days: 10 })).toEqual([ago(0)]);
});

test('sums of days have no more of each fate than what failed', () => {
  const day = { day: ago(0), failed: 10, delivered: 20, quarantined: 30, rejected: 40 };
  expect(sumOf([day, { ...day, delivered: 1, quarantined: 2, rejected: 3, passed: 5 }])).toEqual({
    messages: 20,
    passed: 5,
    delivered: 11,
    quarantined: 12,
    rejected: 13,
  });
});
