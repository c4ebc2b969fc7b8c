import { expect, test } from 'vitest';
import { SharedLock } from '../../../services/parser/reading/shared-lock.ts';

test('exclusive work waits for all work that runs, and keeps all other work waiting', async () => {
  const lock = new SharedLock();
  const seen: string[] = [];
  const ends = new Map<string, (failure?: Error) => void>();
  const work = (name: string) => () =>
    new Promise<void>((resolve, reject) => {
      seen.push(name);
      ends.set(name, (failure) => (failure ? reject(failure) : resolve()));
    });
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  const a = lock.shared(work('a'));
  const b = lock.shared(work('b'));
  const c = lock.exclusive(work('c'));
  const d = lock.shared(work('d'));
  const e = lock.exclusive(work('e'));
  await settled();
  expect(seen).toEqual(['a', 'b']);
  ends.get('a')!();
  await a;
  await settled();
  expect(seen).toEqual(['a', 'b']);
  ends.get('b')!(new Error('planted'));
  await expect(b).rejects.toThrow('planted');
  await settled();
  expect(seen).toEqual(['a', 'b', 'c']);
  ends.get('c')!(new Error('planted too'));
  await expect(c).rejects.toThrow('planted too');
  await settled();
  expect(seen).toEqual(['a', 'b', 'c', 'e']);
  ends.get('e')!();
  await e;
  await settled();
  expect(seen).toEqual(['a', 'b', 'c', 'e', 'd']);
  ends.get('d')!();
  await d;
});
