import { describe, expect, test } from 'vitest';
import { chunkOf, isText, KIND, NAME, passedOver, resolve, resolved, tagEnd } from '../../../services/report/xml/characters.ts';

describe('kinds of characters', () => {
  test('of names: those that may begin one, and those that only go on with it', () => {
    const kindOf = (letter: string) => (/[A-Za-z_:]/.test(letter) ? 2 : /[0-9.-]/.test(letter) ? 1 : 0);
    expect(NAME).toEqual(Uint8Array.from({ length: 0x10000 }, (_, code) => kindOf(String.fromCharCode(code))));
  });

  test('of text: each has one flag, and white space none', () => {
    const kindOf = (letter: string) => {
      if (/[\t\n ]/.test(letter)) return 0;
      if (letter === '\r') return 2;
      if (/[\ud800-\udfff]/.test(letter)) return 4;
      if (letter === '&') return 8;
      if (letter === ']') return 16;
      return /[\0-\x1f\ufffe\uffff]/.test(letter) ? 32 : 1;
    };
    expect(KIND).toEqual(Uint8Array.from({ length: 0x10000 }, (_, code) => kindOf(String.fromCharCode(code))));
  });
});

test('a chunk has the characters of its text, and a zero after them, whatever was there before', () => {
  for (const text of ['x'.repeat(9_000), 'ab', '', '🙂'.repeat(20_000), '<a>']) {
    const { codes } = chunkOf(text);
    expect(String.fromCharCode(...codes.subarray(0, Math.min(text.length, 9_000)))).toBe(text.slice(0, 9_000));
    expect(codes[text.length]).toBe(0);
  }
});

test.each<[string, ReturnType<typeof tagEnd>]>([
  ['>', { end: 1, empty: false, attributes: [], xmlns: null }],
  ['/>', { end: 2, empty: true, attributes: [], xmlns: null }],
  [' \t\r\n/>x', { end: 6, empty: true, attributes: [], xmlns: null }],
  [' a="1"\n\tb = \'2"2\' >x', { end: 19, empty: false, attributes: [1, 3], xmlns: null }],
  [' a="" b.-1="x > é">', { end: 19, empty: false, attributes: [0, 5], xmlns: null }],
  [' xmlns="u" x="v"/>', { end: 18, empty: true, attributes: [1, 1], xmlns: 'u' }],
  [" xmlns:x='v'>", { end: 13, empty: false, attributes: [1], xmlns: null }],
  [' xmlns="a&amp;b" c=\'&#x1F642;\'>', { end: 31, empty: false, attributes: [3, 2], xmlns: 'a&b' }],
  // A name without a blank before it, or twice; no value, one without quotes, or with what no value holds.
  ['a="1">', null],
  [' a="1"b="2">', null],
  [' a="1" a="2">', null],
  [' a>', null],
  [' a=1>', null],
  [' a="\t">', null],
  [' a="<">', null],
  [' a="&x;">', null],
  [' a="&">', null],
  // What does not end.
  [' a="1"', null],
  [' a="1" /', null],
  [' a="1" / >', null],
  ['', null],
])('a start tag ends with %j: %j', (text, end) => {
  expect(tagEnd(chunkOf(text), 0)).toEqual(end);
  const moved = tagEnd(chunkOf(`<&"a${text}`), 4);
  expect(moved).toEqual(end === null ? null : { ...end, end: end.end + 4 });
});

describe('a text is resolved', () => {
  test.each([
    ['', ''],
    ['a b', 'a b'],
    ['&amp;&lt;x&gt;&quot;&apos;', '&<x>"\''],
    ['&amp;lt;', '&lt;'],
    // Line ends (XML 1.0 section 2.11).
    ['a\r\nb\rc\nd\r\r\n', 'a\nb\nc\nd\n\n'],
    ['\r', '\n'],
    // Brackets are markup only in front of ">".
    ['a]', 'a]'],
    ['a]]', 'a]]'],
    ['a]]b]>c]x>', 'a]]b]>c]x>'],
    ['🙂a🙂', '🙂a🙂'],
    ['\ud7ff\ue000', '\ud7ff\ue000'],
    // Numbers, of as many digits as fit.
    ['&#65;&#x41;&#0000065;&#x000041;', 'AAAA'],
    ['&#x4a;&#x4F;&#x4f;&#57;&#48;', 'JOO90'],
    ['&#x9;&#10;&#xd;&#32;', '\t\n\r '],
    ['&#xD7FF;&#xE000;&#xFFFD;', '\ud7ff\ue000\ufffd'],
    ['&#x10000;&#x1F642;&#1114111;', '\u{10000}🙂\u{10ffff}'],
  ])('%j is %j', (text, whole) => {
    expect(resolved(chunkOf(text), 0, text.length)).toBe(whole);
    // And inside another, whose characters have no part in it.
    expect(resolved(chunkOf(`&]${text}>;\n`), 2, text.length + 2)).toBe(whole);
    const into = new Uint16Array(100).fill(7);
    const end = resolve(chunkOf(text).codes, 0, text.length, into, 3);
    expect(String.fromCharCode(...into.subarray(0, end + 1))).toBe(`\x07\x07\x07${whole}\x07`);
  });

  test.each([
    '&',
    '&;',
    '&amp',
    '&am;',
    '&ampx;',
    '&AMP;',
    '&nbsp;',
    '&#;',
    '&#x;',
    '&#X41;',
    '&#4/;',
    '&#4:;',
    '&#4a;',
    '&#x4g;',
    '&#x4`;',
    '&#x4@;',
    // One digit too many.
    '&#00000065;',
    '&#x0000041;',
    // No characters of XML.
    '&#0;',
    '&#8;',
    '&#11;',
    '&#12;',
    '&#14;',
    '&#31;',
    '&#xD800;',
    '&#xDFFF;',
    '&#xFFFE;',
    '&#xFFFF;',
    '&#x110000;',
    '&#9999999;',
    ']]>',
    'a]]]>',
    '\ud83d',
    '\ud83dx',
    '\ud83d\ud83d',
    '\ude42',
    '\udc00\udc00',
  ])('but not %j', (text) => {
    expect(resolved(chunkOf(text), 0, text.length)).toBeNull();
    expect(resolved(chunkOf(`a${text}b;`), 1, text.length + 1)).toBeNull();
    expect(resolve(chunkOf(text).codes, 0, text.length, new Uint16Array(100), 0)).toBe(-1);
  });

  test('up to its end, whatever follows', () => {
    expect(resolved(chunkOf('a]]>'), 0, 3)).toBe('a]]');
    expect(resolved(chunkOf('a🙂'), 0, 2)).toBeNull();
    expect(resolved(chunkOf('a&amp;'), 0, 5)).toBeNull();
    expect(resolved(chunkOf('a\r\n'), 0, 2)).toBe('a\n');
  });

  test.each([1_024, 1_025, 5_000])('of %i characters', (length) => {
    const text = `&gt;${'x'.repeat(length - 4)}`;
    expect(resolved(chunkOf(text), 0, length)).toBe(`>${'x'.repeat(length - 4)}`);
  });
});

test.each([
  ['<!-- a -->x', 10],
  ['<!---->', 7],
  ['<!-- a > - <b> & ]]> 🙂é-->', 27],
  ['<!--->', -1],
  ['<!-- a -- b -->', -1],
  ['<!-- a --', -1],
  ['<!-- a', -1],
  ['<!-- \u0001 -->', -1],
  ['<!-- \ud83d -->', -1],
  ['<!xx a -->', -1],
  ['<![CDATA[x]]>', -1],
  ['<?x?>', 5],
  ['<?x y="?<>" ?>z', 14],
  ['<?xml-style 1?>', 15],
  ['<?x', -1],
  ['<?x y', -1],
  ['<?x \u0001?>', -1],
  ['<?x \udc00?>', -1],
  ['<? x?>', -1],
  ['<?xml?>', -1],
  ['<?XML version="1.0"?>', -1],
  ['<x?>', -1],
  ['', -1],
])('%j is passed over up to %i', (text, end) => {
  expect(passedOver(chunkOf(text), 0)).toBe(end);
  expect(passedOver(chunkOf(`<?a${text}`), 3)).toBe(end < 0 ? -1 : end + 3);
});

test.each([
  ['', true],
  ['\t\r\n a&]]>é\ud7ff\ue000\ufffd', true],
  ['🙂', true],
  ['a\ud83d', false],
  ['\ude42', false],
  ['\0', false],
  ['a\x1f', false],
  ['\ufffe', false],
  ['\uffff', false],
])('whether all of %j is text of XML: %s', (text, is) => {
  expect(isText(chunkOf(text), 0, text.length)).toBe(is);
  // What is before and after it does not count, be it half of a pair.
  expect(isText(chunkOf(`\x01\ud83d${text}\x01`), 2, text.length + 2)).toBe(is);
});
