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
  ['words for signs', 'ada (at) example [dot] com', 'example.com'],
  ['words without brackets', 'ada at example dot com', 'example.com'],
  ['a comma for a dot', 'ada@example,com', 'example.com'],
  ['a letter that looks like an accent of another', 'ada@ex\u00e4mple.com', 'example.com'],
  ['two letters that look like one', 'ada@exarnple.com', 'example.com'],
  ['below it, with such letters', 'ada@mail.exarnple.com', 'example.com'],
  ['a capital within a word', 'ada@exAmple.com', 'example.com'],
  ['below it, with such a capital', 'ada@mail.exAmple.com', 'example.com'],
  ['a small capital', 'ada@ex\u1d00mple.com', 'example.com'],
  ['below it, with a small capital', 'ada@mail.ex\u1d00mple.com', 'example.com'],
  ['another domain', 'ada@example.net', null],
  ['words for signs of another', 'ada (at) example [dot] net', null],
  ['an own domain in front of another', 'ada@example.com.evil.example', null],
  ['no address', 'Example.com news', null],
])('%s: %s', (_, name, expected) => {
  expect(ownDomainShown(['Nobody', name], OWN)).toBe(expected);
});

test('a name is also read from its end where marks turn it around, and only there', () => {
  expect(asShown('\u202eecalevoL adA')).toEqual(['ecalevoL adA', 'Ada Lovelace']);
  expect(asShown('Ada\u200b Lovelace')).toEqual(['Ada Lovelace']);
  expect(asShown('ecalevoL \u202eadA')).toEqual(['ecalevoL adA', 'ecalevoL Ada', 'Ada ecalevoL', 'Ada Lovelace']);
});

test.each([
  ['&#1;&#x10ffff;&#64', ['&#1;&#x10ffff;&#64', '\u0001\u{10ffff}@']],
  ['&#0;&#x110000;', ['&#0;&#x110000;']],
  ['%41%7e%1f', ['%41%7e%1f', 'A~%1f']],
  ['a\u0301\u0302\u0303\u0304\u0305b', ['a\u0301\u0302\u0303\u0304b']],
])('%j is shown as %j', (name, shown) => {
  expect(asShown(name)).toEqual(shown);
});

test('a long hostile text is looked at in no time that grows beyond its length', () => {
  expect(ownDomainShown(['@a.'.repeat(2_700), `@${'a.'.repeat(4_000)}`], OWN)).toBeNull();
});
