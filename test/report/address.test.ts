import { expect, test } from 'vitest';
import { canonicalAddress, networkOf } from '../../services/report/address.ts';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['::', '::'],
  ['::1', '::1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['2001:0db8:0000:0001:0000:0000:0000:0001', '2001:db8:0:1::1'],
  // The first of two equal runs, and no "::" for a single zero group (RFC 5952 section 4.2).
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  // Mapped IPv4 is IPv4; other dotted tails are not.
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:c000:0201', '192.0.2.1'],
  ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
])('%s is %s', (text, canonical) => {
  expect(canonicalAddress(text)).toBe(canonical);
});

test.each([
  '',
  '192.0.2',
  '192.0.2.',
  '192.0.2.1.1',
  '192.0.2.256',
  '192.0.02.1',
  '192.0.2.1 ',
  '1.2.3.4:25',
  ':',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7:8::',
  '12345::',
  'g::1',
  '2001:db8:',
  ':1:2:3:4:5:6:7',
  '::192.0.2.256',
  '1:2:3:4:5:6:7:192.0.2.1',
  'fe80::1%eth0',
  'example.com',
])('"%s" is no address', (text) => {
  expect(canonicalAddress(text)).toBeNull();
});

test('a network is a /24 or a /48', () => {
  expect(networkOf('192.0.2.255')).toBe('192.0.2.0/24');
  expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1::/48');
  expect(networkOf('2001:db8::1')).toBe('2001:db8::/48');
});
