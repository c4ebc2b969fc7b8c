import { expect, test } from 'vitest';
import { looksLikeMail } from '../../../services/report/mail/inner.ts';

const MAIL = 'From: a@example.com\r\nSubject: hi\r\n\r\nhello';

test.each([
  ['a mail', MAIL, true],
  ...([' ', '\t', '\r', '\n'] as const).map(
    (blank) => [`a mail behind ${JSON.stringify(blank)}`, `${blank}${MAIL}`, true] as const,
  ),
  ['a mail behind another octet', `\v${MAIL}`, false],
  ['a mail behind a hundred blanks', `${' '.repeat(100)}${MAIL}`, true],
  ['a mail behind more of them', `${' '.repeat(101)}${MAIL}`, false],
  ['a mail of an mbox', `From a@example.com Thu Oct  1 10:00:00 2026\n${MAIL}`, true],
  ['a field that goes on', `From: a@example.com\r\n (a)\r\n\t(b)\r\nDate: x\r\n\r\n`, true],
  ['one field', 'From: a@example.com\r\n\r\nSubject: hi\r\n', false],
  ['one field, twice', 'From: a@example.com\r\nFrom: b@example.com\r\n\r\n', false],
  ['fields of something else', 'Name: x\r\nPlace: y\r\n\r\n', false],
  ['a text among fields', 'From: a@example.com\r\nhello\r\nSubject: hi\r\n', false],
  ['a name that is too long', `${'x'.repeat(81)}: a\r\n${MAIL}`, false],
  ['a name of the most characters', `${'x'.repeat(80)}: a\r\n${MAIL}`, true],
  ['text', 'Dear Ann,\r\n\r\nhello', false],
] as [string, string, boolean][])('%s: %j', (_, text, is) => {
  expect(looksLikeMail(Buffer.from(text, 'latin1'))).toBe(is);
});

test('a mail in UTF-16, or with a mark in front, is one too', () => {
  expect(looksLikeMail(Buffer.from(`\ufeff${MAIL}`))).toBe(true);
  expect(looksLikeMail(Buffer.from(`\ufeff${MAIL}`, 'utf16le'))).toBe(true);
});
