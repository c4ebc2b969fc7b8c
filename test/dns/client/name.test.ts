import { expect, test } from 'vitest';
import { labelsOf, lowerName, nameOf } from '../../../services/dns/client/name.ts';

test('names and their labels, with and without the last dot', () => {
  expect(labelsOf('Mail.Example.com')).toEqual(['Mail', 'Example', 'com']);
  expect(labelsOf('example.com.')).toEqual(['example', 'com']);
  expect([labelsOf(''), labelsOf('.')]).toEqual([[], []]);
  expect(nameOf([])).toBe('.');
});

test('octets of any value are escaped, and read again', () => {
  const labels = ['a.b', 'c\\d', '\xff\x00 e'];
  const name = 'a\\.b.c\\\\d.\\255\\000\\032e';
  expect(nameOf(labels)).toBe(name);
  expect(labelsOf(name)).toEqual(labels);
});

test.each(['.a', 'a..b', 'a..', '\\256.a', 'é\u0100.a', 'a\\', `${'x'.repeat(64)}.a`, Array(128).fill('a').join('.')])(
  'no zone can hold "%s"',
  (name) => {
    expect(labelsOf(name)).toBeNull();
  },
);

test('a label of 63 octets and a name of 255 are held', () => {
  expect(labelsOf(`${'x'.repeat(63)}.a`)).toHaveLength(2);
  expect(labelsOf(Array(127).fill('a').join('.'))).toHaveLength(127);
});

test('names are compared in ASCII alone', () => {
  expect(lowerName('ÄB.Example')).toBe('Äb.example');
});
