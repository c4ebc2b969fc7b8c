import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { foreignArchive, gzipStart, sniff, sortOf } from '../../../services/report/container/sniff.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const utf16 = (text: string, bigEndian: boolean) => {
  const buffer = Buffer.from(text, 'utf16le');
  return bigEndian ? buffer.swap16() : buffer;
};

test.each<[string, Buffer, string]>([
  ['gzip', gzipSync('x'), 'gzip'],
  ['zip', bytes('PK\x03\x04rest'), 'zip'],
  ['an empty zip', bytes('PK\x05\x06rest'), 'zip'],
  ['a part of a split zip', bytes('PK\x07\x08rest'), 'zip'],
  ['PK and no mark of a zip', bytes('PK\x01\x02rest'), 'unknown'],
  ['tar', Buffer.concat([Buffer.alloc(257, 'a'), bytes('ustar\0'), Buffer.alloc(249)]), 'tar'],
  ['XML', bytes('<?xml version="1.0"?><feedback/>'), 'xml'],
  ['XML behind a mark and blanks', bytes('\xef\xbb\xbf\r\n <feedback>'), 'xml'],
  ['XML with a namespace', bytes('<dmarc:feedback>'), 'xml'],
  ['UTF-16 with a mark', utf16('\ufeff<feedback/>', false), 'xml'],
  ['UTF-16 the other way round', utf16('\ufeff<feedback/>', true), 'xml'],
  ['UTF-16 without a mark', utf16('<feedback/>', false), 'xml'],
  ['a page of HTML', bytes('<!DOCTYPE html><html>'), 'unknown'],
  ['a part of HTML', bytes('  <div class="x">'), 'unknown'],
  ['a link of HTML', bytes('<a href="data:application/gzip;base64,H4sI">report</a>'), 'unknown'],
  ['a name that only begins like one of HTML', bytes('<division/>'), 'xml'],
  ['JSON', bytes(' {"a": 1}'), 'json'],
  ['a list of JSON', bytes('[{}]'), 'json'],
  ['blanks', bytes(' \r\n\t'), 'blank'],
  ['nothing', bytes(''), 'blank'],
  ['a smaller-than sign', bytes('< 3'), 'unknown'],
  ['text', bytes('Dear all'), 'unknown'],
])('%s', (_, head, kind) => {
  expect(sniff(head)).toBe(kind);
});

test('archives that cannot be opened have a name', () => {
  expect(foreignArchive(bytes('7z\xbc\xaf\x27\x1crest'))).toBe('7z');
  expect(foreignArchive(bytes('Rar!\x1a\x07\x00'))).toBe('RAR');
  expect(foreignArchive(bytes('BZh91AY&SY'))).toBe('bzip2');
  // Three letters that a text may begin with.
  expect(foreignArchive(bytes('BZhello'))).toBeNull();
  expect(foreignArchive(bytes('PK\x03\x04'))).toBeNull();
});

test('a gzip stream may begin behind blanks or text, and not within other bytes', () => {
  const stream = '\x1f\x8b\x08\x00rest';
  expect(gzipStart(bytes(`\r\n${stream}`))).toBe(2);
  expect(gzipStart(bytes(`Scanned by Mailguard\r\n\r\n${stream}`))).toBe(24);
  expect(gzipStart(bytes(`\x89PNG\r\n${stream}`))).toBeNull();
  expect(gzipStart(bytes(`a\x00${stream}`))).toBeNull();
  expect(gzipStart(bytes(stream))).toBeNull();
});

test('bytes that are no document are a picture, text, or anything', () => {
  expect(sortOf(bytes('\x89PNG\r\n'))).toBe('picture');
  expect(sortOf(bytes('%PDF-1.7'))).toBe('picture');
  expect(sortOf(bytes('Hello\n\x1b[1m'))).toBe('text');
  expect(sortOf(bytes('a\x00b'))).toBe('bytes');
});
