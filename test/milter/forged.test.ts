import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { claims, forgedFields } from '../../services/milter/forged.ts';

const ID = 'mx.example.com';

describe('a field of results', () => {
  test.each([
    'mx.example.com; dmarc=pass',
    ' MX.Example.COM; dmarc=pass',
    ' mx.example.com.; dmarc=pass',
    ' mx.example.com 1; dmarc=pass',
    ' mx.example.com',
    ' (comment) mx.example.com; dmarc=pass',
    ' (a (nested) comment; with) mx.example.com; dmarc=pass',
    ' (a "quoted \\) one") mx.example.com; dmarc=pass',
    ' "mx.example.com"; dmarc=pass',
    ' "mx.exa\\mple.com"; dmarc=pass',
    ' "(x" mx.example.com; dmarc=pass',
    '\n mx.example.com\n ;dmarc=pass',
    '\r\n\tmx.example.com;\r\n\tdmarc=pass',
    ' =?utf-8?q?mx=2Eexample=2Ecom?=; dmarc=pass',
    ' mx.example.com/1; dmarc=pass',
    ' ; mx.example.com; dmarc=pass',
    ' mx.example.com(comment); dmarc=pass',
    ' 1 mx.example.com; dmarc=pass',
    ' mx.(a)example.(b)com; dmarc=pass',
    ' m(a)x(b).example.com(c) ; dmarc=pass',
    ' (a ")" b) "mx.exa\\mple.com"; dmarc=pass',
  ])('in our name is known: %j', (value) => {
    expect(claims(value, ID)).toBe(true);
  });

  test.each([
    ' other.example; dmarc=pass',
    ' mx.example.com.evil.example; dmarc=pass',
    ' xmx.example.com; dmarc=pass',
    ' example.com; dmarc=pass',
    ' other.example (mx.example.com); dmarc=pass',
    ' other.example; dmarc=pass header.from=mx.example.com',
    ' spf=pass smtp.mailfrom=mx.example.com',
    '',
  ])('of another is left: %j', (value) => {
    expect(claims(value, ID)).toBe(false);
  });

  test('never makes it throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (value) => void claims(value, ID)));
    for (const odd of ['('.repeat(50_000), '"'.repeat(50_001), '\\'.repeat(50_000), '=?a?b?'.repeat(10_000)]) claims(odd, ID);
  });
});

describe('fields to be removed', () => {
  test('are numbered by their name, the last first', () => {
    const fields = [
      { name: 'Authentication-Results', value: ' mx.example.com; a=b' },
      { name: 'Received', value: ' by mx' },
      { name: 'authentication-RESULTS', value: ' other.example; a=b' },
      { name: 'Authentication-Results', value: ' (x) MX.example.com; a=b' },
      { name: 'X-Ruawatch-Released', value: ' by ada' },
      { name: 'Authentication-Results ', value: ' mx.example.com; a=b' },
      { name: 'x-ruawatch-anything', value: '' },
      { name: 'ARC-Authentication-Results', value: ' i=1; mx.example.com; a=b' },
    ];
    expect(forgedFields(fields, ID)).toEqual([
      { name: 'x-ruawatch-anything', index: 1 },
      { name: 'Authentication-Results ', index: 4 },
      { name: 'X-Ruawatch-Released', index: 1 },
      { name: 'Authentication-Results', index: 3 },
      { name: 'Authentication-Results', index: 1 },
    ]);
  });

  test('are all of results whose value was too long to be kept', () => {
    expect(forgedFields([{ name: 'Authentication-Results', value: null }], ID)).toHaveLength(1);
    expect(forgedFields([{ name: 'Subject', value: null }], ID)).toEqual([]);
  });
});
