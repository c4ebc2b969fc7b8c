import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readGuard } from '../../services/dns/guard/file.ts';
import { guardedBy, namesAround } from '../../services/watcher/guard.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-guard-watch-'));
afterAll(() => rmSync(folder, { recursive: true }));
const GUARD = (...domains: string[]) =>
  `{version: 1, environments: {production: {domains: {${domains.map((one) => `${one}: `).join(', ')}}}}}`;

describe('whose round compares a declared domain', () => {
  const guard = readGuard(`
version: 1
environments:
  production: { domains: { example.com: , shop.example.net: } }
  staging:
    domains:
      staging.example.com: { like: example.com }
      elsewhere.example.org: { like: shop.example.net }
      nowhere.example.org: { like: null }
`);
  const of = (own: string, ...watched: string[]) => guardedBy(own, guard, new Set(watched)).map(({ domain }) => domain);

  test.each([
    ['example.com', ['example.com'], ['example.com', 'staging.example.com']],
    ['example.com', ['example.com', 'staging.example.com'], ['example.com']],
    ['staging.example.com', ['example.com', 'staging.example.com'], ['staging.example.com']],
    ['example.net', ['example.net'], ['shop.example.net', 'elsewhere.example.org']],
    ['example.net', ['example.net', 'example.org'], ['shop.example.net']],
    ['example.org', ['example.net', 'example.org'], ['elsewhere.example.org', 'nowhere.example.org']],
    ['other.example', ['other.example'], []],
  ])('%s of %j', (own, watched, expected) => expect(of(own, ...watched)).toEqual(expected));

  test('is asked for by all names that may be own', () => {
    expect(namesAround(guard)).toEqual(
      expect.arrayContaining(['example.com', 'staging.example.com', 'example.net', 'shop.example.net', 'example.org']),
    );
    expect(namesAround(guard)).not.toContain('com');
  });

  test('is bounded', () => {
    const many = readGuard(GUARD(...Array.from({ length: 100 }, (_, n) => `d${n}.example.com`)));
    expect(guardedBy('example.com', many, new Set(['example.com']))).toHaveLength(40);
  });
});
