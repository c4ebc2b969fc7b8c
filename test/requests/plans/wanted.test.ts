import { expect, test } from 'vitest';
import { recordWish } from '../../../services/requests/plans/wanted.ts';

const wish = (name: string) =>
  recordWish({ domain: 'example.com', name, type: 'TXT', value: 'v=spf1 -all', why: 'w' }).records[0]!.name;

test.each(['example.com', '_dmarc.example.com', '*.example.com', 's1._domainkey.a-b.example.com'])('%s is a name', (name) => {
  expect(wish(name)).toBe(name);
});
test.each([
  'a\\.example.com',
  'a\\046b.example.com',
  '.example.com',
  'a..example.com',
  'a b.example.com',
  '\u0161.example.com',
  `${'a'.repeat(64)}.example.com`,
  `${'a.'.repeat(130)}example.com`,
  'a.*.example.com',
  'example.com.',
  'example.net',
])('%j is none, said in a sentence', (name) => {
  expect(() => wish(name)).toThrow(expect.objectContaining({ code: 'usage', message: expect.stringMatching(/[.]$/) }));
});
