import { describe, expect, test } from 'vitest';
import { editNetworks, ownNetworks } from '../../../services/dns/spf/edit.ts';

test.each([
  ['v=spf1 -all', []],
  ['v=spf1', []],
  [
    'v=spf1 ip4:192.0.2.1 +ip4:192.0.2.0/24 ip6:2001:DB8:0::1 ip6:2001:db8::/32',
    ['192.0.2.1', '192.0.2.0/24', '2001:db8::1', '2001:db8::/32'],
  ],
  // Of a term that admits nobody, of a name, and of what stands behind "all", nothing.
  ['v=spf1 ?ip4:192.0.2.1 ~ip6:2001:db8::1 -ip4:192.0.2.2 a mx/24 include:b.example ip4:192.0.2.3', ['192.0.2.3']],
  ['v=spf1 ip4:192.0.2.1 all ip4:192.0.2.2', ['192.0.2.1']],
])('the networks that a record itself admits: %s', (text, networks) => {
  expect(ownNetworks(text)).toEqual(networks);
});

describe('a record with other networks', () => {
  test.each([
    ['nothing changes', 'v=spf1 ip4:192.0.2.1 mx -all', [], [], 'v=spf1 ip4:192.0.2.1 mx -all'],
    [
      'what comes stands behind the first networks',
      'v=spf1 ip4:192.0.2.1 mx ip4:192.0.2.3 -all',
      [],
      ['192.0.2.2', '2001:db8::/32'],
      'v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 ip6:2001:db8::/32 mx ip4:192.0.2.3 -all',
    ],
    ['in front of all else', 'v=spf1 mx -all', [], ['192.0.2.0/24'], 'v=spf1 ip4:192.0.2.0/24 mx -all'],
    ['in an empty record', 'v=spf1 -all', [], ['192.0.2.1'], 'v=spf1 ip4:192.0.2.1 -all'],
    ['in one without terms', 'v=spf1', [], ['192.0.2.1'], 'v=spf1 ip4:192.0.2.1'],
    ['in one of modifiers alone', 'v=spf1  redirect=b.example ', [], ['192.0.2.1'], 'v=spf1 ip4:192.0.2.1 redirect=b.example'],
    ['where only networks are', 'v=spf1 ip4:192.0.2.1', [], ['192.0.2.2'], 'v=spf1 ip4:192.0.2.1 ip4:192.0.2.2'],
    [
      'what goes is taken away wherever it stands, in any spelling',
      'v=spf1 ip4:192.0.2.1/32 ip6:2001:DB8:0::/32 mx +ip4:192.0.2.1 ip4:192.0.2.2 ?all',
      ['192.0.2.1', '2001:db8::/32'],
      [],
      'v=spf1 mx ip4:192.0.2.2 ?all',
    ],
    [
      'terms that do not admit, and those behind "all", stay',
      'v=spf1 ?ip4:192.0.2.1 mx -ip4:192.0.2.1 -all ip4:192.0.2.1',
      ['192.0.2.1'],
      [],
      'v=spf1 ?ip4:192.0.2.1 mx -ip4:192.0.2.1 -all ip4:192.0.2.1',
    ],
    [
      'a term that asks DNS is no network that goes',
      'v=spf1 a mx exists:%{i}.b.example -all',
      ['192.0.2.1'],
      ['192.0.2.2'],
      'v=spf1 ip4:192.0.2.2 a mx exists:%{i}.b.example -all',
    ],
    [
      'modifiers between terms stand behind them, and blanks are single',
      'v=spf1  ip4:192.0.2.1  exp=e.example  mx op=a  ip4:192.0.2.2   -all  ra=r ',
      ['192.0.2.2'],
      ['192.0.2.3'],
      'v=spf1 ip4:192.0.2.1 ip4:192.0.2.3 mx exp=e.example op=a -all  ra=r',
    ],
    ['the last term may go', 'v=spf1 mx ip4:192.0.2.1', ['192.0.2.1'], [], 'v=spf1 mx'],
  ])('%s', (_, text, gone, come, expected) => {
    expect(editNetworks(text, { gone: new Set(gone), come })).toBe(expected);
  });
});
