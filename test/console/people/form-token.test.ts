import { describe, expect, test } from 'vitest';
import { formToken, isFormToken, isOwnHost, isOwnOrigin } from '../../../services/console/people/form-token.ts';

const URL = 'https://console.example.org';

test('a form belongs to one session', () => {
  expect(isFormToken(formToken('a'), 'a')).toBe(true);
  for (const given of [formToken('b'), '', undefined, ['x'], `${formToken('a')} `]) expect(isFormToken(given, 'a')).toBe(false);
});

test.each<[string | undefined, string | null, boolean]>([
  ['localhost:9808', null, true],
  ['127.0.0.1:9808', URL, true],
  ['[::1]:9808', null, true],
  ['192.0.2.1', null, true],
  ['192.0.2.1', URL, false],
  ['console.example.org', URL, true],
  ['console.example.org:8443', URL, false],
  ['evil.example', null, false],
  ['localhost.evil.example', null, false],
  [undefined, null, false],
])('the host %s with console.url %s is ours: %s', (host, url, ours) => {
  expect(isOwnHost(host, url)).toBe(ours);
});

describe('a request that changes something', () => {
  test.each<[{ origin?: string; site?: string }, string | null, boolean]>([
    [{ origin: 'http://localhost:9808' }, null, true],
    [{ origin: 'http://localhost:9808', site: 'same-origin' }, null, true],
    [{ origin: 'http://localhost:9808', site: 'cross-site' }, null, false],
    [{ origin: 'http://localhost:1' }, null, false],
    [{ origin: 'null' }, null, false],
    [{ origin: 'https://console.example.org' }, URL, true],
    [{ origin: 'https://evil.example' }, URL, false],
    [{ site: 'same-origin' }, null, true],
    [{ site: 'same-site' }, null, false],
    [{}, null, false],
  ])('with %j and console.url %s is ours: %s', (headers, url, ours) => {
    expect(isOwnOrigin({ ...headers, host: 'localhost:9808' }, url)).toBe(ours);
  });
});

test('a host is ours whatever its letters, and an address is no name', () => {
  const ours = (host: string, url: string | null = null) => isOwnHost(host, url);
  expect(['LOCALHOST', '[::1]', '[2001:DB8::1]:80', '192.0.2.1:80'].map((host) => ours(host))).toEqual([true, true, true, true]);
  expect(['localhost.', 'xlocalhost', '1.2.3', '1.2.3.4.5', '[::1', 'a.192.0.2.1'].map((host) => ours(host))).toEqual(
    Array(6).fill(false),
  );
  expect(['Console.Example.org', 'console.example.org:443', 'example.org'].map((host) => ours(host, URL))).toEqual([
    true,
    false,
    false,
  ]);
  expect(ours('console.example.org:8443', 'https://console.example.org:8443')).toBe(true);
});

test('where a request comes from is what the browser says, and never what cannot be read', () => {
  const own = (headers: { origin?: string; site?: string }, url: string | null = null, host = 'localhost:9808') =>
    isOwnOrigin({ ...headers, host }, url);
  expect([own({ site: 'none' }), own({ site: 'none', origin: 'http://localhost:9808' }), own({ site: 'cross-site' })]).toEqual([
    true,
    true,
    false,
  ]);
  expect([own({ origin: '' }), own({ origin: 'localhost:9808' }), own({ origin: 'http://LOCALHOST:9808' })]).toEqual([
    false,
    false,
    true,
  ]);
  expect(own({ origin: 'http://localhost:9808' }, null, 'LOCALHOST:9808')).toBe(true);
  // By the address that people have, and by one of this machine beside it.
  expect(own({ origin: 'https://console.example.org' }, `${URL}/`, 'inner:1')).toBe(true);
  expect(own({ origin: 'http://127.0.0.1:9808' }, URL, '127.0.0.1:9808')).toBe(true);
  expect(own({ origin: 'http://192.0.2.1' }, URL, '192.0.2.1')).toBe(false);
  expect(own({ origin: 'http://evil.example' }, null, 'evil.example')).toBe(false);
});
