import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROUTES } from '../../services/console/pages/index.ts';
import { allowedFor, pageAt, pageOfForm } from '../../services/console/places.ts';
import { type TestConsole, type TestPerson, testConsole } from './setup.ts';

let c: TestConsole;
let root: TestPerson;
beforeAll(async () => {
  c = await testConsole();
  root = await c.person('admin', null);
});
afterAll(() => c.close());

const FORMS = ROUTES.filter(({ method }) => method !== 'GET');
/** An address of a route: what its parameters name is not there. */
const addressOf = (path: string) => path.replace(/:domain/g, 'example.com').replace(/:\w+/g, '7');
/** Addresses of forms at which a page answers, too. */
const BOTH = new Set(ROUTES.filter(({ method }) => method === 'GET').map(({ path }) => path));

test('the address of a form leads to the page above it, and in the API says what it takes', async () => {
  const seen: Record<string, string> = {};
  for (const { path, kind } of FORMS) {
    if (BOTH.has(path)) continue;
    const url = `${addressOf(path)}?x=1`;
    const { statusCode, headers, body } = await (kind === 'api' ? root.api('GET', url) : root.get(url));
    expect(headers['cache-control'], path).toBe('no-store');
    if (kind === 'api') expect(JSON.parse(body), path).toMatchObject({ status: 405, code: 'wrong_method' });
    seen[path] = kind === 'api' ? `${statusCode} ${headers.allow}` : `${statusCode} ${headers.location}`;
    if (kind === 'page') expect(pageAt(ROUTES, headers.location!), path).not.toBeNull();
  }
  expect(seen).toMatchInlineSnapshot(`
    {
      "/access/:key/end": "303 /access",
      "/account/codes": "303 /account",
      "/account/codes/confirm": "303 /account",
      "/account/codes/off": "303 /account",
      "/account/passkeys": "303 /account",
      "/account/passkeys/options": "303 /account",
      "/account/passkeys/remove": "303 /account",
      "/account/sessions/end": "303 /account",
      "/account/tokens": "303 /account",
      "/account/tokens/end": "303 /account",
      "/api/v1/findings/:key/acknowledge": "405 POST",
      "/api/v1/findings/:key/assign": "405 POST",
      "/api/v1/findings/:key/reopen": "405 POST",
      "/api/v1/findings/:key/resolve": "405 POST",
      "/api/v1/findings/:key/snooze": "405 POST",
      "/api/v1/findings/:key/unacknowledge": "405 POST",
      "/api/v1/findings/:key/unsnooze": "405 POST",
      "/api/v1/grants/:key/end": "405 POST",
      "/api/v1/held/:key/decide": "405 POST",
      "/api/v1/requests/:key/approve": "405 POST",
      "/api/v1/requests/:key/deny": "405 POST",
      "/api/v1/requests/:key/withdraw": "405 POST",
      "/domains/:domain/decide": "303 /domains/example.com",
      "/findings/:key/acknowledge": "303 /findings/7",
      "/findings/:key/assign": "303 /findings/7",
      "/findings/:key/reopen": "303 /findings/7",
      "/findings/:key/resolve": "303 /findings/7",
      "/findings/:key/snooze": "303 /findings/7",
      "/findings/:key/unacknowledge": "303 /findings/7",
      "/findings/:key/unsnooze": "303 /findings/7",
      "/held/:key/ask-text": "303 /held/7",
      "/held/:key/decide": "303 /held/7",
      "/held/:key/resolve": "303 /held/7",
      "/held/:key/text": "303 /held/7",
      "/look-alikes/:domain": "303 /look-alikes",
      "/people/add": "303 /people",
      "/people/change": "303 /people",
      "/people/link": "303 /people",
      "/people/remove": "303 /people",
      "/people/tokens/end": "303 /people",
      "/quarantine/:key/replay": "303 /quarantine",
      "/requests/:key/approve": "303 /requests/7",
      "/requests/:key/deny": "303 /requests/7",
      "/requests/:key/override": "303 /requests/7",
      "/requests/:key/withdraw": "303 /requests/7",
      "/setup/domains": "303 /setup",
      "/sign-in/passkey": "303 /sign-in",
      "/sign-in/passkey/options": "303 /sign-in",
      "/sign-out": "303 /",
    }
  `);
});

test('also of whoever is not signed in, who is then asked to, and of no other method', async () => {
  const stranger = c.stranger();
  expect((await stranger.get('/findings/7/resolve')).headers.location).toBe('/findings/7');
  expect((await stranger.get('/findings/7')).headers.location).toBe('/sign-in?next=%2Ffindings%2F7');
  expect((await root.raw({ method: 'PUT', url: '/findings/7/resolve' })).statusCode).toBe(404);
  expect((await root.get('/findings//resolve')).statusCode).toBe(404);
  expect((await root.get('/findings/7/no-such-form')).statusCode).toBe(404);
});

test('a path is of a page with its parameters, as they are meant', () => {
  expect(pageAt(ROUTES, '/domains/b%C3%BCcher.example/senders/192.0.2.0%2F24?days=7')).toMatchObject({
    route: { path: '/domains/:domain/senders/:sender' },
    params: { domain: 'bücher.example', sender: '192.0.2.0/24' },
  });
  expect(pageAt(ROUTES, '/findings/%zz')?.params).toEqual({ key: '%zz' });
  expect(pageAt(ROUTES, '/findings/')).toBeNull();
  expect(pageAt(ROUTES, '/findings/7/resolve')).toBeNull();
  expect(pageAt(ROUTES, '/api/v1/findings')).toBeNull();
});

test('an address of the API has the methods of all its routes; a page has none to tell', () => {
  expect(allowedFor(ROUTES, '/api/v1/requests?x=1')).toEqual(['GET', 'POST']);
  expect(allowedFor(ROUTES, '/api/v1/findings/7')).toEqual(['GET']);
  expect(allowedFor(ROUTES, '/findings')).toEqual([]);
  expect(pageOfForm(ROUTES, '/findings/7')).toBeNull();
});
