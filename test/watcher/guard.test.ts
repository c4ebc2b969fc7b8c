import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, describe, expect, test } from 'vitest';
import { readGuard } from '../../services/dns/guard/file.ts';
import { GuardWatch, guardedBy, namesAround } from '../../services/watcher/guard.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-guard-watch-'));
afterAll(() => rmSync(folder, { recursive: true }));
const GUARD = (...domains: string[]) =>
  `{version: 1, environments: {production: {domains: {${domains.map((one) => `${one}: `).join(', ')}}}}}`;

describe('the file is read again when it changes', () => {
  const lines: { msg: string; level: number }[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const file = path.join(folder, 'mail-guard.yaml');
  let at = 0;
  const write = (text: string) => {
    writeFileSync(file, text);
    utimesSync(file, ++at, at);
  };
  const watch = new GuardWatch(file, log);
  const domains = () => watch.declared?.environments[0]?.domains.map(({ domain }) => domain);
  const errors = () => lines.filter(({ level }) => level >= 50);

  test('and what is wrong with it is said once, while the version before is used', () => {
    expect([watch.refresh(), watch.refresh(), watch.declared]).toEqual([false, false, undefined]);
    expect(errors()).toHaveLength(1);
    write(GUARD('a.example'));
    expect([watch.refresh(), watch.refresh()]).toEqual([true, false]);
    expect(domains()).toEqual(['a.example']);
    write('version: 3');
    expect([watch.refresh(), watch.refresh()]).toEqual([false, false]);
    expect(domains()).toEqual(['a.example']);
    expect(errors()).toHaveLength(2);
    expect(errors()[1]!.msg).toContain('the version before is used');
    write(GUARD('b.example'));
    expect(watch.refresh()).toBe(true);
    expect(domains()).toEqual(['b.example']);
    rmSync(file);
    expect([watch.refresh(), domains()]).toEqual([false, ['b.example']]);
  });

  test('without a file nothing is declared', () => {
    const none = new GuardWatch(null, log);
    expect([none.refresh(), none.declared]).toEqual([false, null]);
  });
});

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
