import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shownValue, textOfValue } from '../../services/dns/shown-value.ts';

test('any octets come back from the value that is shown', () => {
  const octets = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 900 });
  fc.assert(
    fc.property(octets, (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      expect(textOfValue(shownValue(text))).toBe(text);
    }),
  );
});

test('a value that was cut off, or is none, has no text', () => {
  expect(shownValue('x'.repeat(4_000))).toBe('x'.repeat(4_000));
  expect(textOfValue(shownValue('x'.repeat(4_001)))).toBeNull();
  expect(textOfValue('')).toBeNull();
});
