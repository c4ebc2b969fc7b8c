import { expect, test } from 'vitest';
import {
  expand,
  type MacroValues,
  nibbles,
  parseDomainSpec,
  parseMacros,
  reverseName,
  toName,
} from '../../../services/dns/spf/macro.ts';

// The examples of RFC 7208 section 7.4.
const VALUES: MacroValues = {
  ip: '192.0.2.3',
  sender: 'strong-bad@email.example.com',
  local: 'strong-bad',
  senderDomain: 'email.example.com',
  domain: 'email.example.com',
  helo: 'mail.example.com',
  validated: async () => 'mx.example.com',
  receiver: 'receiver.example',
  now: 1_700_000_000,
};
const V6 = { ...VALUES, ip: '2001:db8::cb01' };
const expanded = (text: string, values = VALUES) => {
  const pieces = parseMacros(text, 'exp');
  return typeof pieces === 'string' ? Promise.resolve(pieces) : expand(pieces, values);
};

test.each([
  ['%{s}', 'strong-bad@email.example.com'],
  ['%{o}', 'email.example.com'],
  ['%{d4}', 'email.example.com'],
  ['%{d2}', 'example.com'],
  ['%{d1}', 'com'],
  ['%{dr}', 'com.example.email'],
  ['%{d2r}', 'example.email'],
  ['%{l}', 'strong-bad'],
  ['%{l-}', 'strong.bad'],
  ['%{lr-}', 'bad.strong'],
  ['%{l1r-}', 'strong'],
  ['%{ir}.%{v}._spf.%{d2}', '3.2.0.192.in-addr._spf.example.com'],
  ['%{lr-}.lp.%{ir}.%{v}._spf.%{d2}', 'bad.strong.lp.3.2.0.192.in-addr._spf.example.com'],
  ['%{S}', 'strong-bad%40email.example.com'],
  ['%{p} %{h} %{r} %{t} %{c}', 'mx.example.com mail.example.com receiver.example 1700000000 192.0.2.3'],
  ['a%%b%_c%-d', 'a%b c%20d'],
])('%s is %s', async (text, result) => {
  expect(await expanded(text)).toBe(result);
});

test('an IPv6 address is its nibbles', async () => {
  expect(await expanded('%{ir}.%{v}._spf.%{d2}', V6)).toBe(
    '1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com',
  );
  expect(nibbles('::ffff:192.0.2.1')).toBe('00000000000000000000ffffc0000201');
  expect(reverseName('192.0.2.3')).toBe('3.2.0.192.in-addr.arpa');
  expect(reverseName('2001:db8::cb01')).toBe('1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa');
});

test('letters of explanations are none of terms, and blanks neither', () => {
  for (const text of ['%{c}.a.example', '%{t}.a.example', 'a b']) {
    expect(typeof parseMacros(text, 'term')).toBe('string');
    expect(typeof parseMacros(text, 'exp')).toBe('object');
  }
  expect(typeof parseMacros('%{c}', 'any')).toBe('object');
});

test.each(['%', '%{x}', '%{d0}', '%{d', '%(d)', 'é', '%{d2,,x}'])('"%s" is no macro-string', (text) => {
  expect(typeof parseMacros(text, 'term')).toBe('string');
});

test('a domain ends in a macro or in a top label', () => {
  for (const text of ['example.com', 'example.com.', '%{d}', 'a.%{d2}', 'a.b-c', 'a.b.', 'a.%%', 'xn--a.xn--p1ai']) {
    expect(typeof parseDomainSpec(text), text).toBe('object');
  }
  // "%%-" is a percent sign and a hyphen, no macro.
  for (const text of ['', 'localhost', 'example.123', 'example.-a', '%%-']) {
    expect(typeof parseDomainSpec(text), text).toBe('string');
  }
});

test.each([
  ['', 'names no domain'],
  ['localhost', 'names a domain without a dot'],
  ['a.1', 'ends in "1", which is no top-level domain'],
])('a domain-spec of "%s" %s', (text, wrong) => {
  expect(parseDomainSpec(text)).toBe(wrong);
});

test('a name that is too long is cut on the left; an impossible one is none', () => {
  const long = Array(30).fill('abcdefghi').join('.');
  expect(toName(long)).toBe(Array(25).fill('abcdefghi').join('.'));
  expect(toName('example.com.')).toBe('example.com');
  // 253 octets fit, and labels of 63.
  const label = 'x'.repeat(63);
  const longest = [label, label, label, 'y'.repeat(61)].join('.');
  expect([toName(longest), toName(`${longest}y`), toName('z'.repeat(254))]).toEqual([
    longest,
    [label, label, 'y'.repeat(62)].join('.'),
    null,
  ]);
  for (const text of ['a..b', `${'x'.repeat(64)}.com`, 'é.com', '']) expect(toName(text), text).toBeNull();
});
