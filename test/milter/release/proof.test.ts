import { expect, test } from 'vitest';
import { isCopyOf } from '../../../services/milter/release/proof.ts';

const HELD_AT = new Date('2026-11-27T12:00:00Z');
const held = {
  held_key: 7,
  release_token: 'token',
  held_at: HELD_AT,
  message_id: '<a@example.com>',
  subject: 'Invoice',
  header_from: 'Ada <ada@example.com>',
  envelope_from: 'x@stranger.example',
};
const HEADER = 'From: Ada <ada@example.com>\r\nSubject: Invoice\r\nMessage-ID: <a@example.com>\r\n\r\n';
const at = (seconds: number, sender = 'x@stranger.example') => ({ arrived: HELD_AT.getTime() + seconds * 1000, sender });

test.each([
  ['the same fields, arrived with it', at(1), HEADER, true],
  ['the same fields, and another sender in the envelope, which Postfix may rewrite', at(1, 'srs@example.net'), HEADER, true],
  ['another Message-ID', at(1), HEADER.replace('<a@', '<b@'), false],
  ['another subject', at(1), HEADER.replace('Invoice', 'Other'), false],
  ['another author', at(1), HEADER.replace('Ada <ada@', 'Ben <ben@'), false],
  ['no Message-ID where the mail had one', at(1), HEADER.replace(/Message-ID.*\r\n/, ''), false],
  ['a queue file from an hour before', at(-3600), HEADER, false],
])('%s: a copy is %s', (_, entry, header, expected) => {
  expect(isCopyOf(held, entry, header)).toBe(expected);
});

test('without a Message-ID the sender in the envelope counts', () => {
  const bare = { ...held, message_id: null };
  const header = HEADER.replace(/Message-ID.*\r\n/, '');
  expect(isCopyOf(bare, at(1), header)).toBe(true);
  expect(isCopyOf(bare, at(1, 'other@stranger.example'), header)).toBe(false);
});

test('a mail without any of these fields is known by its sender and time alone', () => {
  const bare = { ...held, message_id: null, subject: null, header_from: null };
  expect(isCopyOf(bare, at(1), 'X-Other: 1\r\n\r\n')).toBe(true);
  expect(isCopyOf(bare, at(86_400), 'X-Other: 1\r\n\r\n')).toBe(false);
});
