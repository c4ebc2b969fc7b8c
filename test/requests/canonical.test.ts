import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Canonical, canonicalJson, digestOf } from '../../services/requests/canonical.ts';

test('writes keys in the order of their UTF-16 units, without blanks (RFC 8785 section 3.2.3)', () => {
  expect(canonicalJson({ '\u20ac': 1, '\r': 2, '1': 3, a: [true, null, 'x"\n'], A: {}, '\u{1f600}': 4, '\ufb33': 5 })).toBe(
    '{"\\r":2,"1":3,"A":{},"a":[true,null,"x\\"\\n"],"€":1,"😀":4,"\ufb33":5}',
  );
});

test('equal values have one text, whatever the order of their keys', () => {
  const value = fc.letrec<{ any: Canonical }>((tie) => ({
    any: fc.oneof(
      { depthSize: 'small' },
      fc.string({ unit: 'grapheme' }),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('any'), { maxLength: 4 }),
      fc.dictionary(fc.string(), tie('any'), { maxKeys: 5 }),
    ),
  })).any;
  const shuffled = (one: Canonical): Canonical => {
    if (one === null || typeof one !== 'object') return one;
    if (Array.isArray(one)) return one.map(shuffled);
    return Object.fromEntries(
      Object.entries(one as Record<string, Canonical>)
        .reverse()
        .map(([key, v]) => [key, shuffled(v)]),
    );
  };
  fc.assert(
    fc.property(value, (one) => {
      const text = canonicalJson(one);
      expect(canonicalJson(shuffled(one))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(one)));
    }),
  );
});

test('what has no one text is refused', () => {
  for (const value of [0.1, 2 ** 53, Number.NaN, '\ud800']) expect(() => canonicalJson({ value })).toThrow(TypeError);
  expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}');
  expect(digestOf('ä')).toBe('33e6d73fee82904c8d7afb78de1154d1e8dc2a0edb08120e63df5b9385c2d9cc');
});
