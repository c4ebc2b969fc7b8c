import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OBJECT_ID, partsOf, SEQUENCE, within } from '../../../services/dns/bimi/der.ts';
import { der } from '../../helpers/certificates.ts';

const of = (hex: string) => partsOf(Buffer.from(hex, 'hex'));

test('parts are read with their tags, short and long', () => {
  expect(of('3003020105')).toEqual([{ tag: 0x30, content: Buffer.from('020105', 'hex') }]);
  const long = der(0x04, 'x'.repeat(70_000));
  expect(partsOf(long)![0]!.content).toHaveLength(70_000);
  expect(of('05000500')).toHaveLength(2);
  expect(of('')).toEqual([]);
});

test.each([
  ['a length that does not fit', '300502'],
  ['no length', '30'],
  ['an indefinite length', '30800000'],
  ['a length of five octets', '30850000000001aa'],
  ['a length whose octets are missing', '3084ff'],
  ['a tag of several octets', '1f810100'],
  ['the greatest length', '3084ffffffff'],
])('%s is no DER', (_, hex) => {
  expect(of(hex)).toBeNull();
});

test('another tag has nothing within', () => {
  expect(within({ tag: OBJECT_ID, content: Buffer.from('0500', 'hex') }, SEQUENCE)).toEqual([]);
  expect(within(undefined, SEQUENCE)).toEqual([]);
});

test('whatever the octets, the parts lie inside them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
      const parts = partsOf(octets) ?? [];
      const total = parts.reduce((n, { content }) => n + content.length + 2, 0);
      return total <= octets.length;
    }),
  );
});
