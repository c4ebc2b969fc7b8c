import { expect, test } from 'vitest';
import { isNetwork } from '../../../services/dns/guard/schema-values.ts';

test.each([
  ['192.0.2.1', true],
  ['192.0.2.0/0', true],
  ['192.0.2.0/32', true],
  ['192.0.2.0/33', false],
  ['2001:db8::1', true],
  ['2001:db8::/33', true],
  ['2001:db8::/128', true],
  ['2001:db8::/129', false],
  ['fe80::1%eth0', false],
  ['192.0.2.0/24/1', false],
  ['192.0.2.0/', false],
  ['192.0.2.0/0024', false],
  ['192.0.2', false],
  ['example.com', false],
  ['', false],
])('"%s" is a network: %s', (text, is) => {
  expect(isNetwork(text)).toBe(is);
});
