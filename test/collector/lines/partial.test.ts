import { expect, test } from 'vitest';
import { Parts, partOfRecord } from '../../../services/collector/lines/partial.ts';
import type { Raw } from '../../../services/collector/lines/raw.ts';

const cri = (text: string, mark: string, stream = 'stdout', rest: Partial<Raw> = {}): Raw => ({
  text: `2026-11-27T10:00:00Z ${stream} ${mark} ${text}`,
  ...rest,
});
const part = (text: string, last: boolean, stream = 's', rest: Partial<Raw> = {}): Raw => ({
  text,
  part: { stream, last },
  ...rest,
});
const taken = (...raws: Raw[]) => {
  const parts = new Parts();
  return [raws.map((raw) => parts.add(raw)), parts.rest(), parts.rest()];
};

test('a line that is no part, or whole, comes at once', () => {
  const [plain, whole, marked] = [{ text: 'a line' }, cri('a', 'F'), part('a', true)];
  expect(taken(plain, whole, marked)).toEqual([[plain, whole, marked], [], []]);
});

test('parts come with their last one, each stream by itself; what does not end is told once', () => {
  expect(taken(cri('a', 'P'), cri('x', 'P', 'stderr'), cri('b', 'P'), cri('c', 'F'), cri('d', 'F'))).toEqual([
    [null, null, null, { text: '2026-11-27T10:00:00Z stdout P abc' }, cri('d', 'F')],
    [cri('x', 'P', 'stderr')],
    [],
  ]);
  const at = (file: string, n: number) => ({ position: `${file}:${n}` });
  expect(taken(part('a', false, 's', at('f', 1)), part('x', false, 's', at('g', 2)), part('b', true, 's', at('f', 3)))).toEqual([
    [null, null, part('ab', false, 's', at('f', 1))],
    [part('x', false, 's', at('g', 2))],
    [],
  ]);
  const of = (pod: string) => ({ place: { namespace: 'n', pod, container: 'c' } });
  expect(taken(part('a', false, 's', of('p')), part('b', true, 't', of('p')), part('c', true, 's', of('q')))[1]).toEqual([
    part('a', false, 's', of('p')),
  ]);
});

test('of a line that never ends 64 KiB are kept, of a thousand streams', () => {
  const half = 'x'.repeat(40_000);
  const [, [held]] = taken(part(half, false), part(half, false)) as [unknown, Raw[]];
  expect(held!.text).toBe('x'.repeat(65_536));
  const many = Array.from({ length: 1_001 }, (_, n) => part('a', false, `s${n}`));
  const [came, rest] = taken(...many) as [(Raw | null)[], Raw[]];
  expect([came.filter((one) => one !== null), rest.length]).toEqual([[many[1_000]], 1_000]);
});

test.each<[Record<string, unknown>, unknown]>([
  [
    { logtag: 'P', stream: 'stderr' },
    { stream: 'stderr', last: false },
  ],
  [
    { logtag: 'F', stream: 7 },
    { stream: '', last: true },
  ],
  [{ logtag: 'X' }, undefined],
  [
    { log: 'a\n', stream: 's', time: 't' },
    { stream: 's', last: true },
  ],
  [
    { log: 'x'.repeat(16_383), stream: 's', time: 't' },
    { stream: 's', last: true },
  ],
  [
    { log: 'x'.repeat(16_384), stream: 's', time: 't' },
    { stream: 's', last: false },
  ],
  [
    { log: `${'x'.repeat(16_384)}\n`, stream: 's', time: 't' },
    { stream: 's', last: true },
  ],
  [
    { log: `${'é'.repeat(8_192)}`, stream: 's', time: 't' },
    { stream: 's', last: false },
  ],
  [{ log: 7, stream: 's', time: 't' }, undefined],
  [{ log: 'a', time: 't' }, undefined],
  [{ log: 'a', stream: 's' }, undefined],
])('a record is a part by what it says (%#)', (record, expected) => {
  expect(partOfRecord(record)).toEqual(expected);
});
