import { expect, test } from 'vitest';
import { findDuplicates, rankVersions, type Version } from '../../../services/store/reports/supersession.ts';

const version = (key: number, identity: string, content_hash: string, rest: Partial<Version> = {}): Version => ({
  key,
  identity,
  content_hash,
  received: key,
  superseded_by: undefined,
  ...rest,
});
const later = (a: Version, b: Version) => a.received > b.received;

test('the first of a content is kept, all others are duplicates of it, whichever is stored', () => {
  const stored = [version(1, 'i', 'a', { superseded_by: null })];
  const incoming = [version(2, 'i', 'a'), version(3, 'i', 'b'), version(4, 'i', 'b'), version(5, 'j', 'a')];
  const { fresh, originals } = findDuplicates(stored, incoming);
  expect(fresh.map(({ key }) => key)).toEqual([3, 5]);
  expect([...originals].map(([one, original]) => [one.key, original.key])).toEqual([
    [2, 1],
    [4, 3],
  ]);
});

test('a report that was read from a damaged document is not the same content', () => {
  const { fresh } = findDuplicates([version(1, 'i', 'a', { salvaged: true })], [version(2, 'i', 'a', { salvaged: false })]);
  expect(fresh).toHaveLength(1);
});

test('what is repeated is as old as the first mail that brought it; only of what is stored must that be written', () => {
  const stored = version(1, 'i', 'a', { received: 10, superseded_by: null });
  const fresh = version(2, 'i', 'b', { received: 10 });
  const { earlier } = findDuplicates(
    [stored],
    [fresh, version(3, 'i', 'a', { received: 5 }), version(4, 'i', 'b', { received: 4 }), version(5, 'i', 'a', { received: 7 })],
  );
  expect([stored.received, fresh.received]).toEqual([5, 4]);
  expect([...earlier]).toEqual([stored]);
});

test('one version of each identity is current, in whatever order they come', () => {
  const versions = [version(1, 'i', 'a', { superseded_by: null }), version(2, 'i', 'b'), version(3, 'j', 'a')];
  const expected = [
    [1, 2],
    [2, null],
    [3, null],
  ];
  expect([...rankVersions(versions, later)].sort()).toEqual(expected);
  expect([...rankVersions([...versions].reverse(), later)].sort()).toEqual(expected);
});

test('a version that was superseded before keeps naming what superseded it, and is current again when it ranks first', () => {
  const old = version(1, 'i', 'a', { superseded_by: 2 });
  expect(rankVersions([old, version(2, 'i', 'b', { superseded_by: null }), version(3, 'i', 'c')], later).get(1)).toBe(2);
  expect([...rankVersions([{ ...old, received: 9 }, version(2, 'i', 'b', { superseded_by: null })], later)]).toEqual([
    [1, null],
    [2, 1],
  ]);
});

test('where records were dropped, what is current stays current, and every new version is superseded', () => {
  const versions = [
    version(1, 'i', 'a', { superseded_by: 2, gone: true }),
    version(2, 'i', 'b', { superseded_by: null }),
    version(3, 'i', 'c'),
  ];
  expect([...rankVersions(versions, later)]).toEqual([
    [1, 2],
    [2, null],
    [3, 2],
  ]);
});
