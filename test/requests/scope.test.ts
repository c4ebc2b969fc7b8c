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
  expect(outsideScope(scope, { name, type: 'TXT', operation: 'delete' })).toContain('delete');
  expect(outsideScope(scope, { name, type: 'MX', operation: 'add' })).toContain('MX');
  expect(outsideScope(scope, { name, type: null, operation: 'add' })).toContain('unknown');
  expect(outsideScope(scope, { name: 'www.example.com', type: 'TXT', operation: 'add' })).toContain('www.example.com');
});

test.each([
  ['a name of another zone', { names: ['a.example.net'] }],
  ['a name with an escape', { names: ['a\\.b.example.com'] }],
  ['capitals', { names: ['A.example.com'] }],
  ['no name', { names: [] }],
  ['a delegation', { types: ['NS'] }],
  ['a zone with a dot at its end', { zone: 'example.com.' }],
])('%s is no scope', (_, change) => expect(dnsScopeSchema.safeParse({ ...scope, ...change }).success).toBe(false));

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
