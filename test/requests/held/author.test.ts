import { expect, test } from 'vitest';
import { authorShown } from '../../../services/requests/held/author.ts';

test.each([
  ['Ada <ada@Example.com>', 'example.com', 'Ada <ada@Example.com>'],
  ['Ada <ada@exаmple.com>', 'xn--exmple-4nf.com', 'Ada <ada@exаmple.com> (xn--exmple-4nf.com)'],
  ['=?', null, '=?'],
  [null, null, null],
  [null, 'example.com', null],
])('%s at %s', (header_from, header_from_domain, expected) => {
  expect(authorShown({ header_from, header_from_domain }, (text) => text)).toBe(expected);
});

test('a long name does not cut the domain off', () => {
  const held = { header_from: `${'a'.repeat(300)} <x@exаmple.com>`, header_from_domain: 'xn--exmple-4nf.com' };
  expect(authorShown(held, (text) => text.slice(0, 20))).toBe(`${'a'.repeat(20)} (xn--exmple-4nf.com)`);
});
