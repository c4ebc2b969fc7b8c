import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { loadNetworks } from '../../../services/store/analysis/window-reads.ts';
import { type Fixture, fixture } from '../../analyzer/fixture.ts';
import { ago, DOMAIN, REPORTERS, row, TODAY } from '../../analyzer/rows.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

test('the networks beyond the listed ones are summed by day with what became of their mail, those that mostly pass left out', async () => {
  const net = (n: number) => ({ source: `198.51.${n}.0/24` });
  const delivered = (n: number) => ({ rejected: 0, delivered: n, failed_delivered: n });
  await f.put([
    ...[1, 2, 3, 4].map((n) => row(ago(1), 'unauthenticated', 9, { ...net(n), ...delivered(9) })),
    ...[5, 6].map((n) => row(ago(1), 'unauthenticated', 2, { ...net(n), ...delivered(2) })),
    row(ago(0), 'unauthenticated', 3, net(5)),
    row(ago(0), 'below', 4, net(7)),
    // A sender of ours with noise.
    row(ago(0), 'both', 500, net(8)),
    row(ago(0), 'unauthenticated', 1, net(8)),
  ]);
  const counted = { reporters: REPORTERS, votes: 1, from: ago(41), to: TODAY };
  const { largest, others, others_below } = await transaction(f.t.db, (tx) =>
    loadNetworks(tx, DOMAIN, { from: ago(41), recent: ago(6), to: TODAY, counted }, 4),
  );
  expect(largest.map(({ source }) => source)).toEqual([1, 2, 3, 4].map((n) => net(n).source));
  expect(others).toMatchObject({ networks: 3, failed: 11 });
  expect(others.days.sort((a, b) => (a.day < b.day ? -1 : 1))).toEqual([
    { day: ago(1), failed: 4, delivered: 4, quarantined: 0, rejected: 0 },
    { day: ago(0), failed: 7, delivered: 0, quarantined: 0, rejected: 7 },
  ]);
  expect(others_below).toEqual({
    networks: 1,
    failed: 4,
    days: [{ day: ago(0), failed: 4, delivered: 0, quarantined: 0, rejected: 4 }],
  });
});
