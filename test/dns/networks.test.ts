import { expect, test } from 'vitest';
import { Networks } from '../../services/dns/networks.ts';

test.each([
  ['192.0.2.0', true],
  ['192.0.2.255', true],
  ['192.0.3.0', false],
  ['2001:db8:ffff::1', true],
  ['2001:db9::', false],
  ['::', false],
])('%s', (address, within) => {
  expect(new Networks(['192.0.2.0/24', '2001:db8::/32']).contains(address)).toBe(within);
});
