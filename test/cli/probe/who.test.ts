import { expect, test } from 'vitest';
import { isInside, leavesBy, senderOf } from '../../../services/cli/probe/who.ts';
import { readGuard } from '../../../services/dns/guard/file.ts';

const { environments } = readGuard(`version: 1
environments:
  staging:
    domains: [a.example, b.example, c.example]
    workloads:
      - {name: shop, sends_as: [a.example], egress: [192.0.2.1, "2001:db8::/64", "2001:db8:1::1"]}
      - {name: news, sends_as: [a.example, b.example], egress: [192.0.2.2, 192.0.2.64/28]}
      - {name: batch, sends_as: [b.example], egress: 192.0.2.2}
      - {name: desk, sends_as: [c.example], egress: nodes}
`);
const who = (user: string | null, peer: string | null, from: string | null) => {
  const sender = senderOf(environments, { user, peer, from });
  return sender === null ? null : `${sender.workload.name} by ${sender.by}`;
};

test.each([
  // The user that it authenticated as, whatever else there is.
  ['news', '192.0.2.1', 'x@a.example', 'news by user'],
  ['News@staging.example', null, 'x@z.example', 'news by user'],
  // A user that is no workload says nothing.
  ['root', '192.0.2.1', 'x@a.example', 'shop by address'],
  [null, '192.0.2.1', 'x@a.example', 'shop by address'],
  [null, '2001:db8::25', 'x@a.example', 'shop by address'],
  [null, '2001:db8:0:1::1', 'x@c.example', 'desk by from'],
  [null, '2001:db8:1::1', 'x@z.example', 'shop by address'],
  [null, '2001:db8:1::2', 'x@c.example', 'desk by from'],
  [null, '192.0.2.70', 'x@a.example', 'news by address'],
  // By the address alone, although it may not send as that.
  [null, '192.0.2.1', 'x@z.example', 'shop by address'],
  [null, '192.0.2.1', null, 'shop by address'],
  // Two leave by this address: From decides, and then the name before "@".
  [null, '192.0.2.2', 'x@a.example', 'news by address'],
  [null, '192.0.2.2', 'batch@b.example', 'batch by address'],
  [null, '192.0.2.2', 'x@b.example', null],
  [null, '198.51.100.1', 'x@c.example', 'desk by from'],
  [null, '198.51.100.1', 'shop@a.example', 'shop by from'],
  [null, '198.51.100.1', 'x@a.example', null],
  [null, null, 'x@c.example', 'desk by from'],
  [null, null, 'x@z.example', null],
  [null, null, null, null],
  [null, 'nonsense', 'x@c.example', 'desk by from'],
])('user %s, address %s, From %s', (user, peer, from, expected) => {
  expect(who(user, peer, from)).toBe(expected);
});

test('without declared workloads nobody is known', () => {
  expect(senderOf([], { user: 'shop', peer: '192.0.2.1', from: 'x@a.example' })).toBeNull();
});

test('addresses of both families are looked for in their own', () => {
  const [shop] = environments[0]!.workloads;
  expect(['192.0.2.1', '2001:db8::1', '192.0.2.2', '::1', '', 'x'].map((one) => leavesBy(shop!, one))).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

test.each([
  ['10.1.2.3', true],
  ['172.31.0.1', true],
  ['172.32.0.1', false],
  ['192.168.1.1', true],
  ['100.64.0.1', true],
  ['100.128.0.1', false],
  ['10.255.0.1', true],
  ['11.0.0.1', false],
  ['192.168.255.1', true],
  ['192.169.0.1', false],
  ['100.127.0.1', true],
  ['169.254.255.1', true],
  ['169.255.0.1', false],
  ['127.0.0.1', true],
  ['127.255.0.1', true],
  ['128.0.0.1', false],
  ['172.16.0.1', true],
  ['172.15.0.1', false],
  ['febf::1', true],
  ['fec0::1', false],
  ['fc00::1', true],
  ['::', true],
  ['::2', false],
  ['::1', true],
  ['fd00::1', true],
  ['fe80::1', true],
  ['2001:db8::1', false],
  ['203.0.113.1', false],
])('%s is inside: %s', (address, inside) => {
  expect(isInside(address)).toBe(inside);
});
