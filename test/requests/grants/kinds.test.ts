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

const text = (n: number) => 'x'.repeat(n);
const names = (n: number) => Array.from({ length: n }, (_, i) => `n${i}.example.com`);
const TASK = { name: 'a.example.com', type: 'TXT', value: 'x' };
const taskOf = (part: object) => ({ task: { ...TASK, ...part } });
test.each<[GrantKindName, object, object, object]>([
  ['access.database', { group: 'g' }, { group: text(63) }, { group: text(64) }],
  ['access.email', { from: 'a@b.example' }, { from: `${text(64)}@b.example` }, { from: `${text(65)}@b.example` }],
  ['access.email', {}, { from: `a@${'b.'.repeat(124)}exam` }, { from: `a@${'b.'.repeat(124)}examp` }],
  ['access.message', { sha256: 'ab'.repeat(32) }, { held: 1 }, { held: 0 }],
  ['access.console', { role: 'viewer' }, { domains: names(50) }, { domains: names(51) }],
  ['access.console', { role: 'viewer' }, { domains: ['a.example'] }, { domains: [] }],
  ...(['access.dns', 'access.dns-provider'] as const).flatMap((kind): [GrantKindName, object, object, object][] => {
    const base = kind === 'access.dns' ? { ...DNS, use: 'key', task: null } : DNS;
    return [
      [kind, base, { names: names(20) }, { names: names(21) }],
      [kind, base, { names: names(1) }, { names: [] }],
      [kind, base, { types: ['A'] }, { types: [] }],
      [kind, base, { operations: ['add'] }, { operations: [] }],
    ];
  }),
  ['access.dns', { ...DNS, use: 'key' }, taskOf({ name: text(253) }), taskOf({ name: text(254) })],
  ['access.dns', { ...DNS, use: 'key' }, taskOf({ value: text(4096) }), taskOf({ value: text(4097) })],
  ['access.dns', { ...DNS, use: 'key' }, taskOf({ value: 'x' }), taskOf({ value: '' })],
])('a scope of %s has limits, %#', (kind, base, inside, beyond) => {
  const read = (part: object) => grantKind(kind).scope.safeParse({ ...base, ...part });
  expect(read(inside).error?.issues ?? []).toEqual([]);
  expect(read(beyond).success).toBe(false);
});
