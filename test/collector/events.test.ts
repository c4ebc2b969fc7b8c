import { expect, test } from 'vitest';
import { addressOf, domainOf, idOf, wordsOf } from '../../services/collector/events.ts';

test.each([
  ['<h:1@Example.COM>', { local: 'h:1', domain: 'example.com' }],
  ['h:1@example.com.', { local: 'h:1', domain: 'example.com' }],
  ['a@b@example.com', { local: 'a@b', domain: 'example.com' }],
  ['<h:1@example.com', { local: '<h:1', domain: 'example.com' }],
  ['h:1@example.com>', { local: 'h:1', domain: 'example.com>' }],
  ['root', { local: 'root', domain: '' }],
  ['<>', { local: '', domain: '' }],
  ['@example.com', { local: '', domain: 'example.com' }],
])('the address in %s', (text, address) => {
  expect(addressOf(text)).toEqual(address);
});

test('domains have A-labels, and no more than a name can have', () => {
  expect(domainOf('Bücher.Example.')).toBe('xn--bcher-kva.example');
  expect(domainOf('a'.repeat(254))).toBe('a'.repeat(253));
});

test('of an answer and of a Message-ID the begin is kept', () => {
  expect([idOf('x'.repeat(256)), idOf('<1@x>')]).toEqual(['x'.repeat(255), '<1@x>']);
  expect(wordsOf('x'.repeat(501))).toBe('x'.repeat(500));
});
