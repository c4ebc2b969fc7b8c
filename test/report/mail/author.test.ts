import { expect, test } from 'vitest';
import { authorOf, withoutComments } from '../../../services/report/mail/author.ts';

const from = (value: string) => authorOf([{ name: 'from', value } as Parameters<typeof authorOf>[0][number]]);

test.each([
  ['a@reporter.example', 'a@reporter.example'],
  ['"Reports, daily" <a@reporter.example>', 'a@reporter.example'],
  ['"a \\" quote" "and \\\\" <A@Reporter.example>', 'a@reporter.example'],
  ['"a b"@reporter.example', '@reporter.example'],
  ['"never closed <a@reporter.example>', null],
  ['"closed" "never closed <a@reporter.example>', null],
  ['a@reporter.example "never closed', null],
  ['"never closed \\', null],
  ['"', null],
  ['\\"a" <a@reporter.example>', null],
])('the author of %s', (value, address) => {
  expect(from(value).address).toBe(address);
});

test('a quote that never ends is read once, however many could begin within it', () => {
  // Each tried as a beginning would take hours: the time-out of the test is the proof.
  expect(from(`"${'\\"'.repeat(500_000)}`).domain).toBeNull();
  expect(from(`${'"" '.repeat(150_000)}"${'\\\\'.repeat(500_000)}`).domain).toBeNull();
});

test('a domain may have 253 characters (RFC 1035), and not one more', () => {
  const domain = `${'a'.repeat(61)}.`.repeat(4).slice(0, 241).concat('b.example').padStart(253, 'c');
  expect(domain).toHaveLength(253);
  expect(from(`a@${domain}`).domain).toBe(domain);
  expect(from(`a@c${domain}`)).toMatchObject({ domain: null, address: null });
});

test.each([
  ['Reporter (the (daily) one) <a@reporter.example>', 'a@reporter.example'],
  ['a@reporter.example (never closed', null],
  ['b@reporter.example <a@reporter.example>', 'a@reporter.example'],
  ['b@evil.example <a@reporter.example>', null],
  ['one@reporter.example, two@reporter.example', null],
  ['Group: a@reporter.example;', null],
  ['<a@reporter.example> behind', null],
  ['a@reporter..example', null],
  ['a@-reporter.example', null],
  ['a@reporter.example\x01', null],
  ['\xffa@reporter.example', null],
  ['a b@reporter.example', null],
  ['(a\\)b) a@reporter.example', 'a@reporter.example'],
  ['<a@reporter.example>', 'a@reporter.example'],
  ['Tab\tin it <a@reporter.example>', 'a@reporter.example'],
  ['Bell\x07 in it <a@reporter.example>', null],
  ['DEL\x7f in it <a@reporter.example>', null],
  ['\x01@reporter.example', null],
  ['<a@reporter.examples', null],
  ['Doe, John <a@reporter.example>', null],
  ['Group: <a@reporter.example>', null],
  ['[daily] <a@reporter.example>', null],
  ['<b> <a@reporter.example>', null],
  ['a\\b <a@reporter.example>', null],
  ['"a@reporter.example', null],
  ['a"@reporter.example', null],
  ['a@reporter.example "', null],
  ['<a@reporter.example> "', null],
  ['a@reporter.example>', null],
])('an author that can be read in one way alone: %j', (value, address) => {
  expect(from(value).address).toBe(address);
});

test('no From field, or two, are no author', () => {
  const of = (...values: string[]) => authorOf(values.map((value) => ({ name: 'from', value, start: 0, end: 0 }))).why;
  expect([of(), of('a@b.example', 'a@b.example'), of('nobody')]).toEqual([
    'the mail has no From field',
    'the mail has more than one From field',
    'the mail has no From field with one address',
  ]);
});

test.each([
  ['a(b(c)d)e', 'a e'],
  ['a(b)(c)d', 'a  d'],
  ['a) b', 'a) b'],
  ['a (never closed', 'a  ('],
  // A quoted pair counts within quotes and comments alone.
  ['(a\\)b) c', '  c'],
  ['(a\\(b) c', '  c'],
  ['\\(a) b', '\\  b'],
  ['"(a)" (b)', '"(a)"  '],
  ['"a\\"(b" (c)', '"a\\"(b"  '],
  ['"a\\', '"a\\'],
  // RFC 5322: a quote within a comment is a character like any other.
  ['(a " b) c', '  c'],
  ['(a ")" b) c', ' " b) c'],
])('without comments %j is %j', (value, plain) => {
  expect(withoutComments(value)).toBe(plain);
});

test.each([
  ['(a ")" b) c', '  c'],
  ['(a "b" c) d', '  d'],
  ['(a " b) c', ' ('],
  ['"(a)" b', '"(a)" b'],
])('without comments, in which quotes count, %j is %j', (value, plain) => {
  expect(withoutComments(value, true)).toBe(plain);
});
