import { describe, expect, it } from 'vitest';
import { admittedNetworks } from '../../../services/dns/spf/admitted.ts';

const NAMES: Record<string, string[]> = {
  'A example.com': ['192.0.2.80'],
  'AAAA example.com': ['2001:db8::80'],
  'MX example.com': ['10 mx1.example.com', '20 mx2.example.net'],
  'A mx1.example.com': ['192.0.2.25'],
  'A mx2.example.net': ['198.51.100.25'],
  'A web.example.org': ['203.0.113.1'],
};
const of = (text: string) =>
  admittedNetworks('example.com', text, (name, type) => NAMES[`${type} ${name}`] ?? []).map(
    ({ network, term }) => `${network} ${term}`,
  );

describe('an SPF record admits by itself', () => {
  it.each([
    ['v=spf1 ip4:192.0.2.0/24 -all', ['192.0.2.0/24 ip4:192.0.2.0/24']],
    ['v=spf1 IP4:192.0.2.9 ip6:2001:db8::/48 ~all', ['192.0.2.9/32 IP4:192.0.2.9', '2001:db8::/48 ip6:2001:db8::/48']],
    ['v=spf1 a -all', ['192.0.2.80/32 a', '2001:db8::80/128 a']],
    ['v=spf1 a/24//64 -all', ['192.0.2.80/24 a/24//64', '2001:db8::80/64 a/24//64']],
    ['v=spf1 a:WEB.example.org. -all', ['203.0.113.1/32 a:WEB.example.org.']],
    ['v=spf1 mx -all', ['192.0.2.25/32 mx', '198.51.100.25/32 mx']],
    ['v=spf1 mx:example.com/28 -all', ['192.0.2.25/28 mx:example.com/28', '198.51.100.25/28 mx:example.com/28']],
  ])('%s', (text, networks) => expect(of(text)).toEqual(networks));

  it.each([
    ['an include', 'v=spf1 include:inc.example redirect=web.example.org'],
    ['a term that does not pass', 'v=spf1 -ip4:192.0.2.1 ~a ?mx -all'],
    ['a term behind all', 'v=spf1 -all ip4:192.0.2.1'],
    ['anything in a record with an error', 'v=spf1 ip4:192.0.2.1 ip4:no -all'],
    ['a network as wide as a country', 'v=spf1 ip4:0.0.0.0/0 ip4:10.0.0.0/8 ip6:2001::/16 a/8//8 -all'],
    ['a macro, a ptr or an exists', 'v=spf1 a:%{d} exists:%{i}.example.com ptr -all'],
    ['a name of which nothing is known', 'v=spf1 a:unknown.example mx:unknown.example -all'],
  ])('and not by %s', (_, text) => expect(of(text)).toEqual([]));
});
