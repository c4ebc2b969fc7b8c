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
