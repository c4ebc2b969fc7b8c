import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { bodyHash, canonicalField, relaxedField } from '../../../services/report/mail/canonical.ts';

const sha256 = (text: string) => createHash('sha256').update(text, 'latin1').digest('base64');
const hashed = (body: string, relaxed: boolean) => bodyHash(Buffer.from(`head\r\n\r\n${body}`, 'latin1'), 8, relaxed);

test.each([
  ['A: X\r\n', 'a:X'],
  ['B : Y\t\r\n\tZ  ', 'b:Y Z'],
  ['Subject:  a   b', 'subject:a b'],
  ['Empty:', 'empty:'],
  ['Empty: ', 'empty:'],
  ['A:X', 'a:X'],
  ['A:X ', 'a:X'],
  ['A:X\r\n ', 'a:X'],
])('%j is relaxed to %j (RFC 6376 section 3.4.2)', (field, relaxed) => {
  expect(relaxedField(field)).toBe(relaxed);
});

test('the simple form of a field is the field, with CRLF for a bare LF', () => {
  const raw = Buffer.from('A: X\n Y\r\n Z');
  expect(canonicalField(raw, { start: 0, end: raw.length }, false)).toBe('A: X\r\n Y\r\n Z');
  expect(canonicalField(raw, { start: 0, end: raw.length }, true)).toBe('a:X Y Z');
});

test.each([
  ['the example of RFC 6376 section 3.4.5', ' C \r\nD \t E\r\n\r\n\r\n', ' C \r\nD \t E\r\n', ' C\r\nD E\r\n'],
  ['an empty body', '', '\r\n', ''],
  ['blank lines alone', '\r\n\r\n', '\r\n', ''],
  ['no line end at the end', 'x', 'x\r\n', 'x\r\n'],
  ['bare LF', 'a\n\nb\n', 'a\r\n\r\nb\r\n', 'a\r\n\r\nb\r\n'],
  ['a CR within a line', 'a\rb\r\n', 'a\rb\r\n', 'a\rb\r\n'],
  ['blanks within a line', 'a bc \t d\r\nef\r\n', 'a bc \t d\r\nef\r\n', 'a bc d\r\nef\r\n'],
  ['blanks at the begin of a line', '  a\r\n', '  a\r\n', ' a\r\n'],
])('%s', (_, body, simple, relaxed) => {
  expect(hashed(body, false)).toBe(sha256(simple));
  expect(hashed(body, true)).toBe(sha256(relaxed));
});

test('a body longer than what is hashed at a time', () => {
  const line = `${'x'.repeat(70)}\r\n`;
  const body = line.repeat(3_000);
  expect(hashed(`${body}\r\n\r\n`, true)).toBe(sha256(body));
});
