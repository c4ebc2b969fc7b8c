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
