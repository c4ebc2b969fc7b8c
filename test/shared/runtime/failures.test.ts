import { expect, test } from 'vitest';
import { Failures } from '../../../services/shared/runtime/failures.ts';

const fails = (why: string) => () => Promise.reject(new Error(why));

test('a failure is said until its own task succeeds', async () => {
  const failures = new Failures('Nothing is read');
  expect(failures.first()).toBeNull();
  await expect(failures.noting('a', fails('no disk'))).rejects.toThrow('no disk');
  expect(failures.first()).toBe('Nothing is read: no disk');
  expect(await failures.noting('b', async () => 7)).toBe(7);
  expect(failures.first()).toBe('Nothing is read: no disk');
  await failures.noting('a', async () => undefined);
  expect(failures.first()).toBeNull();
});

test('of two tasks, the one that failed first is named, with its latest reason', async () => {
  const failures = new Failures('Nothing is read');
  await expect(failures.noting('a', fails('no disk'))).rejects.toThrow();
  await expect(failures.noting('b', fails('no net'))).rejects.toThrow();
  await expect(failures.noting('a', fails('no room'))).rejects.toThrow();
  expect(failures.first()).toBe('Nothing is read: no room');
  await failures.noting('a', async () => undefined);
  expect(failures.first()).toBe('Nothing is read: no net');
});
