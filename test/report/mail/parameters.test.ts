import { expect, test } from 'vitest';
import { decodeWords, parseParameterised, unreadableCharset } from '../../../services/report/mail/parameters.ts';

const read = (field: string) => {
  const { value, parameters } = parseParameterised(field);
  return { value, ...Object.fromEntries(parameters) };
};

test('value and names are in lower case, values as written', () => {
  expect(read(' Application/ZIP ; Name="A.zip"; CHARSET=utf-8 ')).toEqual({
    value: 'application/zip',
    name: 'A.zip',
    charset: 'utf-8',
  });
  expect(read('text/plain')).toEqual({ value: 'text/plain' });
});

test('quoted strings hold semicolons and escapes, and may lack their last quote', () => {
  expect(read('a/b; name="x;y\\"z"; n=1')).toEqual({ value: 'a/b', name: 'x;y"z', n: '1' });
  expect(read('a/b; name="x')).toEqual({ value: 'a/b', name: 'x' });
  expect(read('a/b; name="')).toEqual({ value: 'a/b', name: '' });
  expect(read('a/b; name=""; n="x"')).toEqual({ value: 'a/b', name: '', n: 'x' });
  expect(read('; n=1')).toEqual({ value: '', n: '1' });
});

test('the first of two parameters of a name counts', () => {
  expect(read('a/b; n=1; n=2')).toEqual({ value: 'a/b', n: '1' });
});

test('continuations are joined by their number, and decoded by their charset (RFC 2231)', () => {
  expect(read("a/b; name*1*=%C3%A9.xml; name*0*=UTF-8'fr'r%C3%A9sum")).toEqual({ value: 'a/b', name: 'résumé.xml' });
  expect(read("a/b; name*=iso-8859-1''%E9")).toEqual({ value: 'a/b', name: 'é' });
  // Only what has the mark is encoded, and only the first piece names a charset.
  expect(read('a/b; name*0="a%41"; name*1="b"')).toEqual({ value: 'a/b', name: 'a%41b' });
  expect(read("a/b; name*0*=utf-8''a; name*1*=x'y'z")).toEqual({ value: 'a/b', name: "ax'y'z" });
  expect(read('a/b; name*10=c; name*9=b; name*2=a')).toEqual({ value: 'a/b', name: 'abc' });
  expect(read('a/b; name*0="a"; name*1="b"')).toEqual({ value: 'a/b', name: 'ab' });
});

test.each([
  ['=?utf-8?q?Report_Domain:_example=2Ecom?=', 'Report Domain: example.com'],
  ['=?utf-8?B?w6k=?=', 'é'],
  // White space between two words is none of the text; beside other text it is.
  ['=?utf-8?q?a?= \r\n =?utf-8?q?b?= c', 'ab c'],
  // One character in two words.
  ['=?utf-8?q?=C3?= =?utf-8?q?=A9?=', 'é'],
  ['=?iso-8859-1*fr?q?=E9?=', 'é'],
  ['=?utf-8?x?no?=', '=?utf-8?x?no?='],
  ['\xc3\xa9', 'é'],
  ['\xe9', '\xe9'],
  ['plain', 'plain'],
  ['=?utf-8?q?=E2=82=AC?=', '€'],
  ['=?utf-8?q?=E2=82=AC?= \xc3\xa9', '€ é'],
  ['\xd0\xb0 \xff', 'а ÿ'],
  ['=?utf-7?q?a+AOk-b_+-_=26?=', 'aéb + &'],
  ['=?cp850?q?AB?=', 'AB'],
])('%j is decoded to %j', (text, decoded) => {
  expect(decodeWords(text)).toBe(decoded);
});

test.each([
  ['octets beside an encoded word', 'Gr\u00c3\u00b6\u00c3\u009fe =?utf-8?q?=E2=82=AC?=', 'Größe €'],
  ['octets that are UTF-8 beside one that is not', '\u00d0\u0090da\u00ff', '\u0410daÿ'],
  ['Latin-1', 'Gr\u00f6\u00dfe', 'Größe'],
  ['UTF-7', '=?utf-7?q?A+AOQ-rzte_1+-1?=', 'Ärzte 1+1'.replace('Ä', 'Aä')],
  ['UTF-32', '=?utf-32?b?AAAE0AAAAGE=?=', '\u04d0a'],
  ['UTF-32 from the other end', '=?utf-32le?b?EAQAAA==?=', '\u0410'],
  ['UTF-16 with its mark', '=?utf-16?b?/v8EEA==?=', '\ufeff\u0410'],
])('%s are decoded', (_, text, decoded) => {
  expect(decodeWords(text).replace('\ufeff', '')).toBe(decoded.replace('\ufeff', ''));
  expect(unreadableCharset(text)).toBeNull();
});

test('octets that are no UTF-8 are marked on demand', () => {
  expect(decodeWords('\u00d0\u0090d\u00ffa', 'mark')).toBe('\u0410d\ufffda');
});

test.each(['cp037', 'utf-16', 'ucs-2', 'rot13', 'iso-2022-kr'])('%s is a charset that programs may read otherwise', (charset) => {
  expect(unreadableCharset(`Ada =?utf-8?q?=C3=A9?= =?${charset}*en?q?x?=`)).toBe(charset);
});
