import { afterEach, beforeEach, expect, test } from 'vitest';
import { HourlyLook } from '../../services/analyzer/hourly.ts';
import { type Fixture, fixture } from './fixture.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());
const later = (minutes: number) => f.setNow(new Date(f.context.clock.now().getTime() + minutes * 60_000));

test('looks once an hour of the clock, and again in the same hour when it failed', async () => {
  let looks = 0;
  let fails = true;
  const look = new HourlyLook(f.context, async () => {
    looks++;
    if (fails) throw new Error('the server is shutting down');
  });
  await expect(look.look()).rejects.toThrow('shutting down');
  fails = false;
  await look.look();
  await look.look();
  expect(looks).toBe(2);
  later(60);
  await look.look();
  expect(looks).toBe(3);
});

test('looks as soon as it may', async () => {
  let looks = 0;
  let may = false;
  const look = new HourlyLook(
    f.context,
    async () => looks++,
    async () => may,
  );
  await look.look();
  expect(looks).toBe(0);
  may = true;
  await look.look();
  expect(looks).toBe(1);
});
