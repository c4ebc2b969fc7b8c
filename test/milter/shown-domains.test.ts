import { expect, test } from 'vitest';
import { asShown, ownDomainShown } from '../../services/milter/shown-domains.ts';

const OWN = ['example.com', 'kestrel-pay.example'];

test.each([
  ['an address', 'ada@example.com', 'example.com'],
  ['below an own domain', 'Ada (ada@mail.example.com)', 'example.com'],
  ['full-width letters', 'ada＠ｅｘａｍｐｌｅ．com', 'example.com'],
  ['a Cyrillic letter', 'ada@еxample.com', 'example.com'],
  ['a digit for a letter', 'pay@kestre1-pay.example', 'kestrel-pay.example'],
  ['characters that are not shown', 'ada\u200b@exa\u00admple.c\u2060om', 'example.com'],
  ['a vowel that is not shown', 'ada@exam\u17b4ple.com', 'example.com'],
  ['a hair space', 'ada@exam\u200aple.com', 'example.com'],
  ['another full stop', 'ada@example\u06d4com', 'example.com'],
  ['a letter in a circle', 'ada\u24d0example.com', 'example.com'],
  ['a circle around a letter', 'ada a\u20ddexample.com', 'example.com'],
  ['turned around behind its sign', 'ada@\u202emoc.elpmaxe', 'example.com'],
  ['turned around', '\u202emoc.elpmaxe@ada', 'example.com'],
  ['a Khmer vowel that is not shown', 'ada@exa\u17b4mple.com', 'example.com'],
  ['a narrow blank in a label', 'ada@exam\u200aple.com', 'example.com'],
  ['octets that are no text', 'ada@exam\ufffdple.com', 'example.com'],
  ['a dot of another script', 'ada@example\u06d4com', 'example.com'],
  ['a dot in the middle', 'ada@example\u00b7com', 'example.com'],
  ['a letter in a circle for the "@"', 'ada\u24d0example.com', 'example.com'],
  ['a circle around a letter', 'ada a\u20ddexample.com', 'example.com'],
  ['a host that is turned around alone', 'ada@\u202emoc.elpmaxe\u202c', 'example.com'],
  ['a label that is turned around alone', 'ada@\u202eelpmaxe\u202c.com', 'example.com'],
  ['parts that are put in order from the right', '\u200fcom\u200f.\u200fexample\u200f@\u200fada', 'example.com'],
  ['mathematical letters', 'ada@\u{1d41e}\u{1d431}\u{1d41a}\u{1d426}\u{1d429}\u{1d425}\u{1d41e}.com', 'example.com'],
  ['twenty labels below an own domain', `ada@${'a.'.repeat(20)}example.com`, 'example.com'],
  ['letters apart', 'a d a @ e x a m p l e . c o m', 'example.com'],
  ['an escape of a URL', 'ada%40example.com', 'example.com'],
  ['an escape of HTML', 'ada&#64;ex&#x61;mple.com', 'example.com'],
  ['another domain', 'ada@example.net', null],
  ['an own domain in front of another', 'ada@example.com.evil.example', null],
  ['no address', 'Example.com news', null],
])('%s: %s', (_, name, expected) => {
  expect(ownDomainShown(['Nobody', name], OWN)).toBe(expected);
});

test('a name is also read from its end where marks turn it around, and only there', () => {
  expect(asShown('\u202eecalevoL adA')).toEqual(['ecalevoL adA', 'Ada Lovelace']);
  expect(asShown('Ada\u200b Lovelace')).toEqual(['Ada Lovelace']);
});

test('a long hostile text is looked at in no time that grows beyond its length', () => {
  expect(ownDomainShown(['@a.'.repeat(2_700), `@${'a.'.repeat(4_000)}`], OWN)).toBeNull();
});
