import { expect, test } from 'vitest';
import { atMost, clean, escapeHtml, inlineHtml, wrap } from '../../services/mails/plain-text.ts';
import { sentenceCase } from '../../services/shared/format.ts';

test('dates and names keep together on a line, unless they are wider than a telephone', () => {
  expect(inlineHtml('since 2026-10-05 at my-shop.example, <a-b>')).toBe(
    'since <span style="white-space:nowrap;">2026-10-05</span> at <span style="white-space:nowrap;">my-shop.example</span>, &lt;a-b&gt;',
  );
  // What is longer than a telephone is wide may break.
  expect(inlineHtml(`a-${'b'.repeat(40)}`)).not.toContain('span');
});

test('text is cleaned and shortened by characters, and wraps at words', () => {
  expect(clean('a\u0000b\tc\u2028 d', 5)).toBe('a b…');
  expect(clean('🙂'.repeat(300))).toBe(`${'🙂'.repeat(199)}…`);
  expect(clean(undefined)).toBe('');
  expect(wrap('aaaa bb ccccccc', 5)).toEqual(['aaaa', 'bb', 'ccccc', 'cc']);
});

test('what fits just so is not cut, and blanks without end are not looked through', () => {
  expect([clean('abcde', 5), clean('abcdef', 5), clean('abcd fgh', 6)]).toEqual(['abcde', 'abcd…', 'abcd…']);
  expect([clean(`${' '.repeat(39)}x`, 5), clean(`${' '.repeat(40)}x`, 5)]).toEqual(['x', '']);
  expect([clean(7), clean({}), clean('a://b')]).toEqual(['7', '', 'a[:]//b']);
});

test('a line takes as many words as fit, and a link is never broken', () => {
  expect(wrap('aa bb', 5)).toEqual(['aa bb']);
  expect(wrap('aa bb', 4)).toEqual(['aa', 'bb']);
  expect(wrap('a b c d', 3)).toEqual(['a b', 'c d']);
  expect(wrap('abcde', 5)).toEqual(['abcde']);
  expect(wrap('abcdef gh', 5)).toEqual(['abcde', 'f gh']);
  expect(wrap('a https://b.example c', 5)).toEqual(['a', 'https://b.example', 'c']);
  expect(wrap('', 5)).toEqual([]);
  expect(wrap(' a', 5)).toEqual(['a']);
});

test('a command in quotes is kept on one line up to 60 characters, and other words in quotes are not', () => {
  expect(wrap('x "ruawatch a b" y', 12)).toEqual(['x', '"ruawatch a ', 'b" y']);
  expect(wrap('do "ruawatch a b" now', 16)).toEqual(['do', '"ruawatch a b"', 'now']);
  expect(wrap('do ("ruawatch a b") now', 16)).toEqual(['do', '("ruawatch a b")', 'now']);
  expect(wrap('do "other one b" now', 16)).toEqual(['do "other one b"', 'now']);
  expect(wrap('a "other one of" now', 12)).toEqual(['a "other one', 'of" now']);
  const command = (length: number) => `"ruawatch ${'a'.repeat(length - 10)}`;
  expect(wrap(`x ${command(50)} bcdefghij`, 60)).toEqual(['x', `${command(50)} bcdefghij`]);
  expect(wrap(`x ${command(50)} bcdefghijk`, 60)).toEqual([`x ${command(50)}`, 'bcdefghijk']);
});

test('of too many lines the last one shows that something was cut, at a blank', () => {
  const cut = (line: string) => atMost([line, 'more'], 1, 10);
  expect(atMost(['a', 'b'], 2, 10)).toEqual(['a', 'b']);
  expect(atMost(['a', 'b', 'c'], 2, 10)).toEqual(['a', 'b …']);
  expect(cut('abcd efg')).toEqual(['abcd efg …']);
  expect(cut('abcd efgh')).toEqual(['abcd …']);
  expect(cut('abcdefghi')).toEqual(['abcdefgh …']);
  expect(cut('  abcdefghi')).toEqual(['  abcdef …']);
  expect(cut('https://b.example')).toEqual(['https://b.example']);
});

test('sentences begin with a capital, and what means something in HTML is escaped', () => {
  expect([sentenceCase('abc d'), sentenceCase('')]).toEqual(['Abc d', '']);
  expect(escapeHtml(`<a href="x">'&'</a>`)).toBe('&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;');
});
