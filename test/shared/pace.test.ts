import { expect, test } from 'vitest';
import { Pace } from '../../services/shared/pace.ts';

function pace(perSecond: number) {
  const clock = { now: 0, waits: [] as number[] };
  const one = new Pace(perSecond, {
    now: () => clock.now,
    wait: async (ms) => {
      clock.waits.push(ms);
    },
  });
  return { clock, one };
}

test('queries go out one interval after the other', async () => {
  const { clock, one } = pace(10);
  for (let n = 0; n < 4; n++) await one.turn();
  expect(clock.waits).toEqual([100, 200, 300]);
});

test('what was not used is not saved up', async () => {
  const { clock, one } = pace(10);
  await one.turn();
  clock.now = 10_000;
  await one.turn();
  await one.turn();
  expect(clock.waits).toEqual([100]);
});
