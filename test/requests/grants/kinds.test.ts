import { expect, test } from 'vitest';
import { grantKind, grantWords } from '../../../services/requests/grants/index.ts';
import type { GrantKindName } from '../../../services/requests/grants/kinds.ts';

const DNS = {
  zone: 'example.com',
  names: ['a.example.com', '.b.example.com'],
  types: ['TXT', 'A'],
  operations: ['add', 'delete'],
};
const RECORDS = 'add, delete TXT, A at a.example.com, .b.example.com (zone example.com)';
const task = { name: 'a.example.com', type: 'TXT', value: 'x'.repeat(201) };

test.each<[GrantKindName, object, string]>([
  ['access.database', { group: 'app_readers' }, 'the rights of the role app_readers in the database main'],
  ['access.dns', { ...DNS, use: 'key', task: null }, `DNS changes at main: ${RECORDS}, by a key for the gateway`],
  [
    'access.dns',
    { ...DNS, use: 'requests', task },
    `DNS changes at main: ${RECORDS}, by requests that need no further decision, until a.example.com has the TXT record ${'x'.repeat(200)}`,
  ],
  ['access.email', { from: 'shop@example.com' }, 'an account of main that sends as shop@example.com'],
  ['access.dns-provider', DNS, `credentials of main: ${RECORDS}`],
  ['access.console', { role: 'operator', domains: null }, 'the role operator of the console for all domains'],
  [
    'access.console',
    { role: 'viewer', domains: ['a.example', 'b.example'] },
    'the role viewer of the console for a.example, b.example',
  ],
  ['access.message', { held: 7, sha256: 'ab'.repeat(32) }, 'the text of held mail 7 in the console'],
])('%s of %j in words', (kind, scope, words) => {
  expect(grantWords({ kind, scope, server: 'main' })).toBe(words);
  expect(grantKind(kind).kind).toBe(kind);
  expect(() => grantWords({ kind, scope: { ...scope, more: 1 }, server: 'main' })).toThrow();
});
