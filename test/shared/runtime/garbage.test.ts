import { getHeapStatistics } from 'node:v8';
import { expect, test } from 'vitest';
import { collectGarbage, DeadBuffers } from '../../../services/shared/runtime/garbage.ts';

const MIB = 2 ** 20;

test('buffers in use are no garbage: they are not collected for again and again', () => {
  const garbage = new DeadBuffers(8 * MIB);
  const inUse = new Uint8Array(32 * MIB);
  for (let mail = 0; mail < 100; mail++) garbage.check(0);
  expect(garbage.collections).toBeLessThanOrEqual(1);
  expect(inUse).toHaveLength(32 * MIB);
});

test('dead buffers are collected before there are many of them', () => {
  const garbage = new DeadBuffers(8 * MIB);
  garbage.check(0);
  const before = getHeapStatistics().external_memory;
  let most = 0;
  for (let mail = 0; mail < 200; mail++) {
    new Uint8Array(MIB).fill(1);
    garbage.check(0);
    most = Math.max(most, getHeapStatistics().external_memory - before);
  }
  expect(most).toBeLessThan(16 * MIB);
});

test('once the buffers in use are gone, fewer dead ones are let wait again', () => {
  const garbage = new DeadBuffers(8 * MIB);
  const inUse = [new Uint8Array(64 * MIB)];
  garbage.check(0);
  inUse.pop();
  // V8 frees buffers in the background: the second collection waits for what the first found.
  collectGarbage();
  collectGarbage();
  garbage.check(0);
  const before = garbage.collections;
  new Uint8Array(9 * MIB).fill(1);
  garbage.check(0);
  expect(garbage.collections).toBe(before + 1);
});
