import { expect, test } from 'vitest';
import { asTyped, retyped, unseen } from '../../services/dns/copied.ts';

const octets = (text: string) => Buffer.from(text).toString('latin1');

test.each([
  ['a no-break space', 'p=\u00a0reject', 'p= reject'],
  ['a narrow one, and one of East Asia', 'a\u202fb\u3000c', 'a b c'],
  ['nothing to see', '\ufeffp=re\u200bject\u2060', 'p=reject'],
  ['a soft hyphen', 'exam\u00adple.com', 'example.com'],
  ['long dashes', '\u2013all \u2014all \u2212all', '-all -all -all'],
  ['quotation marks', '\u201cv=spf1\u201d', '"v=spf1"'],
])('%s is as it was typed', (_, copied, typed) => {
  expect(asTyped(octets(copied))).toBe(typed);
  expect(unseen(octets(copied))).not.toBe('');
});

test('octets that are no UTF-8 are Latin-1 with the dashes and marks of Windows', () => {
  expect(asTyped('p=reject\xa0; \x93a\x94 \x96all')).toBe('p=reject ; "a" -all');
});

test('other text stays as it is, also beside such characters', () => {
  for (const text of ['v=spf1 -all', octets('a:b\u00fccher.example'), 'caf\xe9']) {
    expect(asTyped(text)).toBe(text);
    expect(unseen(text)).toBe('');
  }
  expect(asTyped(octets('a:b\u00fccher.example\u00a0-all'))).toBe(octets('a:b\u00fccher.example -all'));
});

test('a correction is one of ASCII alone', () => {
  expect(retyped(octets('\ufeffv=DMARC1;\u00a0p=reject\u00a0'))).toBe('v=DMARC1; p=reject');
  expect(retyped(octets('b\u00fccher\u00a0'))).toBeNull();
  expect(retyped('v=DMARC1')).toBeNull();
});
