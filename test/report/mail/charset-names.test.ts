import { expect, test } from 'vitest';
import { decodeOctets, decodeUtf7, decodeUtf32, readingOf } from '../../../services/report/mail/charset-names.ts';

const NONE = Buffer.alloc(0);

test.each([
  ['utf-8', { by: 'encoding', name: 'utf-8', sure: true }],
  ['Latin-1', { by: 'encoding', name: 'windows-1252', sure: true }],
  ['CP850', { by: 'encoding', name: 'windows-1252', sure: true }],
  ['cp932', { by: 'encoding', name: 'shift_jis', sure: true }],
  ['us-ascii', { by: 'octets' }],
  ['unknown-8bit', { by: 'octets' }],
  ['UNICODE-1-1-UTF-7', { by: 'utf-7' }],
  ['utf-32le', { by: 'utf-32', little: true }],
  ['ucs-4', { by: 'utf-32', little: null }],
  ['utf-16', { by: 'encoding', name: 'utf-16le', sure: false }],
  ['cp037', null],
  ['iso-2022-kr', null],
])('%s is read as %o', (charset, reading) => {
  expect(readingOf(charset, NONE)).toEqual(reading);
});

test.each([
  ['feff0041', 'utf-16be'],
  ['fffe4100', 'utf-16le'],
])('the byte order mark of %s says the order', (hex, name) => {
  expect(readingOf('utf-16', Buffer.from(hex, 'hex'))).toEqual({ by: 'encoding', name, sure: true });
});

test('UTF-7 and UTF-32 that are cut off are read as far as they go', () => {
  expect(decodeUtf7(Buffer.from('a+AOk-b+-c+AE'))).toBe('aéb+c');
  expect(decodeUtf32(Buffer.from('0000004100000', 'hex'), null)).toBe('A');
  expect(decodeUtf32(Buffer.from('0011000000000042', 'hex'), false)).toBe('\ufffdB');
});

test('octets that are no part of UTF-8 are read alone', () => {
  const octets = Buffer.from('d090ff64c0af', 'hex');
  expect(decodeOctets(octets)).toBe('\u0410ÿdÀ¯');
  expect(decodeOctets(octets, 'mark')).toBe('\u0410\ufffdd\ufffd\ufffd');
});
