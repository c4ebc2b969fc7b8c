import { expect, test } from 'vitest';
import { firstFields, readHeader, readMailHeader } from '../../../services/report/mail/header.ts';

const LIMITS = { headerLength: 1_000_000 };
const raw = (text: string) => Buffer.from(text, 'latin1');
const read = (text: string) => readHeader(raw(text), 0, text.length, LIMITS);
const fields = (text: string) => read(text).fields.map(({ name, value }) => [name, value]);
const body = (text: string) => text.slice(read(text).body);

test('fields are unfolded, without blanks around them, and the body begins behind the blank line', () => {
  const text = 'From:  a@example.com \r\nSUBJECT: one\r\n\ttwo\r\n three\r\n\r\nbody\r\n\r\nmore';
  const header = read(text);
  expect(header.doubt).toBeNull();
  expect(fields(text)).toEqual([
    ['from', 'a@example.com'],
    ['subject', 'one\ttwo three'],
  ]);
  expect(body(text)).toBe('body\r\n\r\nmore');
  // The bytes of a field are all its lines, without the last line end.
  expect(text.slice(header.fields[1]!.start, header.fields[1]!.end)).toBe('SUBJECT: one\r\n\ttwo\r\n three');
});

test('bare LF throughout, blanks before the colon, and a section without a body are strict too', () => {
  expect(read('A : 1\nB: 2\n\nx').doubt).toBeNull();
  expect(fields('A : 1\nB: 2\n\nx')).toEqual([
    ['a', '1'],
    ['b', '2'],
  ]);
  expect(read('A: 1\r\n')).toMatchObject({ doubt: null, body: 6 });
});

test.each([
  ['CRLF and bare LF', 'A: 1\r\nB: 2\n\r\nx', /CRLF and with a bare LF/],
  ['a bare CR', 'A: 1\rB: 2\r\n\r\nx', /bare CR/],
  ['a blank line at the top', '\r\nA: 1\r\n\r\nx', /blank line precedes/],
  ['a continuation at the top', ' x\r\nA: 1\r\n\r\nx', /first line is a continuation/],
  ['a line of blanks', 'A: 1\r\n \t\r\nB: 2\r\n\r\nx', /continuation line is blank/],
  ['a line that is no field', 'A: 1\r\nno field\r\n\r\nx', /neither a field nor a continuation/],
  ['a NUL', 'A: 1\0\r\n\r\nx', /NUL/],
  ['very many lines', `${'A: 1\r\n'.repeat(2_001)}\r\nx`, /far longer/],
  ['very many bytes', `A: ${'x'.repeat(128 * 1024)}\r\n\r\nx`, /far longer/],
])('%s is read, with a doubt', (_, text, doubt) => {
  expect(read(text).doubt).toMatch(doubt);
});

test('what is damaged is read leniently', () => {
  // A line of blanks separates; a parameter may have lost its indent; the separator may be missing.
  expect(body('A: 1\n \nB: 2\n\nx')).toBe('B: 2\n\nx');
  expect(fields('Content-Type: a/b;\nname="x"\n\ny')).toEqual([['content-type', 'a/b; name="x"']]);
  expect(body('A: 1\n<?xml version="1.0"?>\n')).toBe('<?xml version="1.0"?>\n');
  expect(fields('A: 1\rB: 2\r\rx')).toEqual([
    ['a', '1'],
    ['b', '2'],
  ]);
  expect(fields('no header at all')).toEqual([]);
});

test('a mail may begin with blank lines or the line of an mbox', () => {
  const doubt = (text: string) => readMailHeader(raw(text), LIMITS).doubt;
  const names = (text: string) => readMailHeader(raw(text), LIMITS).fields.map(({ name }) => name);
  expect(doubt('From a@b Mon May  4 10:00:00 2026\nA: 1\n\nx')).toBeNull();
  expect(names('>From a@b Mon May  4 10:00:00 2026\nA: 1\n\nx')).toEqual(['a']);
  expect(doubt('From the sea\nA: 1\n\nx')).toMatch(/nor one of an mbox/);
  expect(doubt('\n\nA: 1\n\nx')).toMatch(/blank line/);
  // A field in its obsolete form.
  expect(names('From : x\n\ny')).toEqual(['from']);
});

test('a section over the limit is refused, however the mail goes on', () => {
  const long = `A: ${'x'.repeat(60_000)}\r\n\r\nbody`;
  expect(() => readHeader(raw(long), 0, long.length, { headerLength: 50_000 })).toThrow(
    expect.objectContaining({ code: 'header_too_long' }),
  );
  expect(readHeader(raw(long), 0, long.length, { headerLength: 61_000 }).fields).toHaveLength(1);
});

test('a section within a mail has its places in the mail, and of several fields of a name the first counts', () => {
  const text = 'xxA: 1\r\na: 2\r\n\r\nbody';
  const header = readHeader(raw(text), 2, text.length, LIMITS);
  expect(text.slice(header.fields[0]!.start, header.fields[0]!.end)).toBe('A: 1');
  expect(text.slice(header.body)).toBe('body');
  expect(firstFields(header.fields)).toEqual(new Map([['a', '1']]));
});
