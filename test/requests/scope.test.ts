import { describe, expect, test } from 'vitest';
import { dnsScopeSchema, hasName, notCovered, outsideScope, scopeText } from '../../services/requests/scope.ts';

const scope = dnsScopeSchema.parse({
  zone: 'example.com',
  names: ['_acme-challenge.example.com', '.app.example.com', '*.wild.example.com'],
  types: ['TXT', 'A'],
  operations: ['add'],
});

describe('names of a scope', () => {
  test.each([
    '_acme-challenge.example.com',
    '_ACME-challenge.Example.COM',
    '_acme-challenge.example.com.',
    '\\095acme-challenge.example.com',
    'a.app.example.com',
    'b.a.app.example.com',
    '*.wild.example.com',
  ])('%s is in it', (name) => expect(hasName(scope, name)).toBe(true));
  test.each([
    'app.example.com',
    'example.com',
    'xapp.example.com',
    'a\\.app.example.com',
    'a.b\\.app.example.com',
    '*.app.example.com',
    '*.x.app.example.com',
    'wild.example.com',
    'a.wild.example.com',
    // Policies and keys are lent by what they are called.
    '_dmarc.a.app.example.com',
    '_DMARC.app.example.com',
    's1._domainkey.app.example.com',
    's1._domainkey.a.app.example.com',
    'x._acme-challenge.example.com',
    '_acme-challenge.example.com.evil.example',
    'a.app.example.com\\.',
    'a..app.example.com',
    '',
    '.',
  ])('%s is not', (name) => expect(hasName(scope, name)).toBe(false));
});

test('types and operations are held', () => {
  const name = 'a.app.example.com';
  expect(outsideScope(scope, { name, type: 'TXT', operation: 'add' })).toBeNull();
  expect([
    outsideScope(scope, { name, type: 'A', operation: 'add' }),
    outsideScope(scope, { name, type: 'TXT', operation: 'delete' }),
    outsideScope(scope, { name, type: 'MX', operation: 'add' }),
    outsideScope(scope, { name, type: null, operation: 'add' }),
    outsideScope(scope, { name: 'www.example.com', type: null, operation: 'delete' }),
  ]).toEqual([
    null,
    'The grant does not include to delete records.',
    'Records of this type (MX) are not among those of the grant.',
    'Records of this type (unknown) are not among those of the grant.',
    'www.example.com is not among the names of the grant.',
  ]);
});

test('each name has to be in the zone, with a dot before it or not', () => {
  const names = ['.app.example.com', 'example.com', '.example.com', 'a.example.net', '.b.example.net', 'notexample.com'];
  const read = dnsScopeSchema.safeParse({ ...scope, names });
  expect(read.error!.issues.map(({ message }) => message)).toEqual([
    'a.example.net is not in the zone example.com',
    '.b.example.net is not in the zone example.com',
    'notexample.com is not in the zone example.com',
  ]);
});

test.each([
  ['a name of another zone', { names: ['a.example.net'] }],
  ['a name with an escape', { names: ['a\\.b.example.com'] }],
  ['capitals', { names: ['A.example.com'] }],
  ['no name', { names: [] }],
  ['a delegation', { types: ['NS'] }],
  ['a zone with a dot at its end', { zone: 'example.com.' }],
])('%s is no scope', (_, change) => expect(dnsScopeSchema.safeParse({ ...scope, ...change }).success).toBe(false));

test('a name has 253 characters at most, a zone too, and there are twenty names at most', () => {
  const long = (of: number) => `${'a.'.repeat(of)}example.com`.slice(-of);
  const is = (change: object) => dnsScopeSchema.safeParse({ ...scope, ...change }).success;
  expect([253, 254].map((of) => long(of).length)).toEqual([253, 254]);
  const named = (name: string) => is({ names: [name] });
  expect([253, 254].map((of) => named(`a${long(of).slice(1)}`))).toEqual([true, false]);
  expect([253, 254].map((of) => is({ zone: `a${long(of).slice(1)}`, names: [`a${long(of).slice(1)}`] }))).toEqual([true, false]);
  expect([253, 254].map((of) => is({ zone: `a${long(of).slice(1)}`, names: ['b.example.com'] }))).toEqual([false, false]);
  const names = (n: number) => Array.from({ length: n }, (_, i) => `n${i}.example.com`);
  expect([0, 1, 20, 21].map((n) => is({ names: names(n) }))).toEqual([false, true, true, false]);
  expect([[], ['TXT'], ['A', 'AAAA', 'CNAME', 'MX', 'TXT']].map((types) => is({ types }))).toEqual([false, true, true]);
  expect([[], ['add'], ['add', 'delete'], ['replace']].map((operations) => is({ operations }))).toEqual([
    false,
    true,
    true,
    false,
  ]);
});

test('a scope is one line', () => {
  expect(scopeText(scope)).toBe(
    'add TXT, A at _acme-challenge.example.com, .app.example.com, *.wild.example.com (zone example.com)',
  );
});

test.each([
  [['a.example.com'], ['a.example.com', 'b.example.com'], null],
  [['a.app.example.com', '.x.app.example.com', '.app.example.com'], ['.app.example.com'], null],
  [['app.example.com'], ['.app.example.com'], 'app.example.com'],
  [['.example.com'], ['.app.example.com'], '.example.com'],
  [['*.app.example.com'], ['.app.example.com'], '*.app.example.com'],
  [['*.app.example.com'], ['*.app.example.com'], null],
  [['a.example.com', '_dmarc.app.example.com'], ['.example.com'], '_dmarc.app.example.com'],
] as const)('of %j, those of %j leave out %s', (names, by, left) => {
  expect(notCovered(names, by)).toBe(left);
});
