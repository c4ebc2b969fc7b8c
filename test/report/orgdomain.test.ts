import { expect, test } from 'vitest';
import { isPublicSuffix, normalDomain, organizationalDomain } from '../../services/report/orgdomain.ts';

test.each([
  ['example.com', 'example.com'],
  ['Mail.A.Example.CO.UK.', 'example.co.uk'],
  ['com', 'com'],
  ['localhost', 'localhost'],
  ['a.b.github.io', 'b.github.io'],
  ['github.io', 'github.io'],
  ['mail.bücher.example', 'xn--bcher-kva.example'],
  ['user@sub.example.com', 'example.com'],
  ['', ''],
])('"%s" belongs to "%s"', (name, organization) => {
  expect(organizationalDomain(name)).toBe(organization);
  // The second time out of the cache.
  expect(organizationalDomain(name)).toBe(organization);
});

test('names are compared in A-labels and lower case, without the last dot', () => {
  expect(normalDomain(' Bücher.Example.. ')).toBe('xn--bcher-kva.example');
});

test.each([...'#/?\\:%|<>[]^\t '])('a text with "%s" is no name, and is not cut there as in a URL', (mark) => {
  expect(normalDomain(`stranger.example${mark}\u00e9.example.com`)).toBe(`stranger.example${mark}\u00e9.example.com`);
});

test('a public suffix is one of the list, of both its parts', () => {
  expect(['com', 'co.uk', 'github.io'].map(isPublicSuffix)).toEqual([true, true, true]);
  expect(['example.com', ''].map(isPublicSuffix)).toEqual([false, false]);
});
