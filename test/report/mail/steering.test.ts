import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../../services/report/limits.ts';
import { readMailHeader } from '../../../services/report/mail/header.ts';
import { ambiguity, unsureReading } from '../../../services/report/mail/steering.ts';

const doubtOf = (mail: string, signed: string[] = ['content-type']) => {
  const raw = Buffer.from(mail, 'latin1');
  return unsureReading(raw, readMailHeader(raw, DEFAULT_LIMITS), new Set(signed));
};
const single = (body: string) => `Content-Type: text/plain\r\n\r\n${body}`;

describe('a single part whose encoding is not signed', () => {
  test.each([
    ['base64', 'PGE+PC9h\r\nPg==\r\n', true],
    ['base64 with blanks', 'PGE+ \tPg==\r\n', true],
    ['an octet at the begin', '=20x!\r\n', false],
    ['text in which nothing looks quoted', 'Hello, world!\r\na = b\r\n', true],
    ['an octet in hexadecimal', 'Hello=20world\r\n', false],
    ['an octet that would be base64', 'AAAA=41\r\n', false],
    ['a soft line break', 'Hello, wor=\r\nld!\r\n', false],
    ['a soft line break after blanks', 'Hello, wor= \t \r\nld!\r\n', false],
    ['an "=" at the end', 'Hello!=', false],
    ['an "=" and blanks at the end', 'Hello!=  ', false],
    ['an "=" before a bare LF', 'Hello!=\nx', false],
    ['an "=" before other text', 'Hello! =x =4 =g1\r\n', true],
  ])('%s', (_, body, sure) => {
    expect(doubtOf(single(body)) === null).toBe(sure);
    expect(doubtOf(single(body), ['content-type', 'content-transfer-encoding'])).toBeNull();
  });
});

test('a multipart whose type is not signed must begin and end with its own delimiter', () => {
  const multipart = (body: string) => `Content-Type: multipart/mixed; boundary=x\r\n\r\n${body}`;
  expect(doubtOf(multipart('--x\r\n\r\na\r\n--x--\r\n'), [])).toBeNull();
  expect(doubtOf(multipart('--y\r\n--x\r\n\r\na\r\n--x--\r\n'), [])).toContain('taken apart in another way');
  expect(doubtOf(multipart('--x\r\n\r\na\r\n--x--\r\n--y--\r\n'), [])).toContain('taken apart in another way');
  expect(doubtOf(multipart('--y\r\n--x\r\n\r\na\r\n--x--\r\n'))).toBeNull();
});

test('a field that may occur once is ambiguous when it occurs twice, any other is not', () => {
  const of = (...names: string[]) =>
    ambiguity(readMailHeader(Buffer.from(`${names.map((name) => `${name}: x\r\n`).join('')}\r\n`), DEFAULT_LIMITS));
  expect(of('From', 'Subject', 'Received', 'Received', 'X')).toBeNull();
  for (const name of ['From', 'Content-Type', 'Content-Transfer-Encoding', 'Content-Disposition', 'Date'])
    expect(of('To', name, 'X', name)).toContain(`more than one ${name.toLowerCase()} field`);
});

describe('a body whose Content-Type is not signed', () => {
  const unsigned = (type: string, body: string, more = '') =>
    doubtOf(`${type === '' ? '' : `Content-Type: ${type}\r\n`}${more}\r\n${body}`, ['content-transfer-encoding']);
  const apart = 'Content-Type is not signed, and the body could be taken apart in another way';
  const charset = 'Content-Type is not signed, and the body could be read in another charset';
  const packed = (xml: string) => Buffer.from(xml, 'latin1').toString('base64');
  test.each<[string, string, string, string | null]>([
    ['no delimiter', 'text/plain', 'one -- two\r\na--x\r\nlast', null],
    ['two hyphens behind the first character', 'text/plain', 'a--x\r\n', null],
    ['a line of two hyphens alone', 'text/plain', 'one\r\n--\r\nname\r\n-- \r\n', null],
    ['a delimiter at the begin', 'text/plain', '--x\r\n', apart],
    ['a delimiter after LF', 'text/plain', 'ab\n--x\n', apart],
    ['a delimiter after CR', 'text/plain', 'ab\r--x\r', apart],
    ['a boundary, of a type that has none', 'text/plain; boundary=x', '--x\r\n\r\na\r\n--x--\r\n', apart],
    ['no boundary', 'multipart/mixed', '--x\r\n\r\na\r\n--x--\r\n', apart],
    ['its own delimiters', 'multipart/mixed; boundary=x', '--x \t\r\n\r\na\r\n--x-- \r\n', null],
    ['no last delimiter', 'multipart/mixed; boundary=x', '--x\r\n\r\na\r\n', apart],
    ['a beginning that is read as a document', 'multipart/mixed; boundary=x', 'PK\x03\x04\r\n--x\r\n\r\na\r\n--x--\r\n', apart],
    ['a document of ASCII', 'text/xml', '<feedback></feedback>', null],
    ['a document beyond ASCII', 'text/xml', '<feedback>\xe4</feedback>', charset],
    ['a document with an escape sequence', 'text/xml', '<feedback>\x1b$B</feedback>', charset],
    ['a document that contains a delimiter', 'text/xml', '<feedback>\r\n--x\r\n</feedback>', null],
    ['text beyond ASCII', 'text/plain', 'M\xe4rz', null],
  ])('%s', (_, type, body, doubt) => {
    expect(unsigned(type, body)).toBe(doubt);
  });

  test('the charset of an encoded document', () => {
    const encoding = 'Content-Transfer-Encoding: base64\r\n';
    expect(unsigned('text/xml', packed('<feedback>\xe4</feedback>'), encoding)).toBe(charset);
    expect(unsigned('text/xml', packed('<feedback>a</feedback>'), encoding)).toBeNull();
    const stated = '<?xml version="1.0" encoding="iso-8859-1"?><feedback>\xe4</feedback>';
    expect(unsigned('text/xml', packed(stated), encoding)).toBeNull();
    expect(unsigned('text/plain', packed('M\xe4rz'), encoding)).toBeNull();
  });
});

test('the parts of a multipart have encodings of their own', () => {
  const body = '--x\r\n\r\n=20\r\n--x--\r\n';
  expect(doubtOf(`Content-Type: multipart/mixed; boundary=x\r\n\r\n${body}`)).toBeNull();
  for (const type of ['multipart/mixed', 'text/plain; boundary=x', 'text/plain'])
    expect(doubtOf(`Content-Type: ${type}\r\n\r\n${body}`)).toMatch(/could be decoded in another way/);
});

test('which characters are those of base64, and which those of an octet in hexadecimal', () => {
  for (let code = 33; code < 127; code++) {
    const c = String.fromCharCode(code);
    if (c === '=') continue;
    // An "=" at the end of a line makes no difference in base64 alone.
    expect([c, doubtOf(single(`${c}${c}=\r\n`)) === null]).toEqual([c, /[A-Za-z0-9+/]/.test(c)]);
    expect([c, doubtOf(single(`!=${c}A`)) === null]).toEqual([c, !/[0-9A-Fa-f]/.test(c)]);
    expect([c, doubtOf(single(`!=A${c}`)) === null]).toEqual([c, !/[0-9A-Fa-f]/.test(c)]);
  }
});

test('a document is read in another charset from the first byte beyond ASCII on', () => {
  const of = (byte: string) =>
    doubtOf(`Content-Type: text/xml\r\n\r\n<feedback>${byte}</feedback>`, ['content-transfer-encoding']);
  expect([of('\x7f'), of('\x80')]).toEqual([null, expect.stringContaining('another charset')]);
  const packed = (byte: string) =>
    doubtOf(
      `Content-Type: text/xml\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(`<feedback>${byte}</feedback>`, 'latin1').toString('base64')}`,
      ['content-transfer-encoding'],
    );
  expect([packed('\x7f'), packed('\x80'), packed('\x1b$B')]).toEqual([
    null,
    expect.stringContaining('another charset'),
    expect.stringContaining('another charset'),
  ]);
});

test('a header that can be read in two ways is ambiguous', () => {
  const raw = Buffer.from('From: a@b.example\r\nnot a field\r\n\r\n');
  expect(ambiguity(readMailHeader(raw, DEFAULT_LIMITS))).toBe(
    'the header of the mail can be read in two ways: a line is neither a field nor a continuation',
  );
});
