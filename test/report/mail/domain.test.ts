import { expect, test } from 'vitest';
import { domainIn } from '../../../services/report/mail/domain.ts';

test.each([
  ['a@b.example', 'b.example'],
  ['@b.example', 'b.example'],
  ['Name <a@b.example>', 'b.example'],
  ['<@route.example:a@b.example>', 'b.example'],
  ['group: a@b.example, c@d.example;', 'b.example'],
  ['b.example', 'b.example'],
  ['sent by b.example', 'b.example'],
  ['host:b.example', 'b.example'],
  ['a@b.example.', 'b.example'],
  ['b.example!', 'b.example'],
  ['localhost', 'localhost'],
  ['a@localhost', 'localhost'],
  ['sent by a@localhost', 'localhost'],
  ['two words', null],
  ['', null],
  // Addresses come before names, and names with a dot before others.
  ['first.example a@b.example', 'b.example'],
  ['first.example @b.example', 'b.example'],
  ['sent by @localhost', 'localhost'],
  ['a@short c@d.example', 'd.example'],
  ['a@short c@long', 'short'],
  ['first.example <a@b.example>', 'b.example'],
  ['"x@c.example" <a@b.example>', 'b.example'],
  ['"x@c.example"', 'c.example'],
  ['(x@c.example) a@b.example', 'b.example'],
])('the domain in %j is %j', (text, domain) => {
  expect(domainIn(text)).toBe(domain);
});

test('ten thousand characters are looked at', () => {
  expect(domainIn(`${' '.repeat(9_991)}b.example`)).toBe('b.example');
  expect(domainIn(`${' '.repeat(9_992)}b.example`)).toBe('b.exampl');
});
