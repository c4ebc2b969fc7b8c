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
  // An address without a name for its host: what stands beside it is a person's name.
  ['DMARC <a@[192.0.2.1]>', null],
  ['"DMARC" <a@[IPv6:2001:db8::1]>', null],
  ['DMARC <a@localhost>', 'localhost'],
  ['b.example <a@[192.0.2.1]>', 'b.example'],
  ['d=b.example', 'b.example'],
  ['b.example:587', 'b.example'],
  ['https://b.example/x?y=c.example', 'b.example'],
  ['dns:b.example:25', 'b.example'],
  // Blanks and line ends around the parts of an address (RFC 5322 section 4.4).
  ['DMARC <r@gen\n .example>', 'gen.example'],
  ['DMARC < r @ gen . example >', 'gen.example'],
  ['r @ gen . example', 'gen.example'],
  ['r@gen .example', 'gen.example'],
  ['Sent by r@gen.example. Thanks', 'gen.example'],
])('the domain in %j is %j', (text, domain) => {
  expect(domainIn(text)).toBe(domain);
});

test('ten thousand characters are looked at', () => {
  expect(domainIn(`${' '.repeat(9_991)}b.example`)).toBe('b.example');
  expect(domainIn(`${' '.repeat(9_992)}b.example`)).toBe('b.exampl');
});
