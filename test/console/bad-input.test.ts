import { createSocket, type Socket } from 'node:dgram';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { ROUTES } from '../../services/console/pages/index.ts';
import type { AnyRoute } from '../../services/console/routes.ts';
import { addPerson } from '../../services/store/console/people.ts';
import { TOKEN_SCOPES } from '../../services/store/console/rights.ts';
import { makeToken } from '../../services/store/console/tokens.ts';
import { type TestConsole, type TestPerson, testConsole } from './setup.ts';

/**
 * Each parameter of each route is given what nobody should send, by somebody who may do everything. Every
 * field is given the values that have stopped a page before, and a share of the others, of which each comes
 * to many fields; with BAD_INPUT=all (.ci/full), every field is given every value.
 */
const ALL = process.env.BAD_INPUT === 'all';
/** Of the others, a field gets one in so many. */
const SHARE = 6;

let c: TestConsole;
let root: TestPerson;
let finding: number;
let token: string;
let form: string;
let server: Socket;

beforeAll(async () => {
  c = await testConsole({ routes: ROUTES.map((route) => ({ ...route, perMinute: 1_000_000 })), perToken: 1_000_000 });
  await c.t.db.query(
    `insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now());
     insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, grouped_as)
     values ('example.com', 'x.example', '2026-10-01', '2026-10-02', 5, 5, 'x.example')`,
  );
  // What plans ask of DNS is answered at once.
  c.context.config.dnsServers = [`127.0.0.1:${await refusingServer()}`];
  finding = await c.finding('unauthorized_source', 'example.com');
  root = await c.person('admin', null);
  form = /name="form" value="([^"]+)"/.exec((await root.get('/account')).body)![1]!;
  const person_key = await addPerson(c.t.db, { name: 'ada', role: 'admin', domains: null }, 'test', new Date());
  const given = { person_key, person: 'ada', name: 'bad', scopes: TOKEN_SCOPES, domains: null };
  ({ token } = await makeToken(c.t.db, { ...given, ends_at: new Date(Date.now() + 3_600_000) }, 'test', new Date()));
});
afterAll(async () => {
  await c.close();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

/** A name server that refuses every question. @returns its port */
async function refusingServer(): Promise<number> {
  server = createSocket('udp4');
  server.on('message', (asked, from) => {
    const refused = Buffer.from(asked);
    refused[2] = 0x80 | (asked[2]! & 0x01);
    refused[3] = 5;
    server.send(refused, from.port, from.address);
  });
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
  return server.address().port;
}

const cursorOf = (...key: unknown[]) => Buffer.from(JSON.stringify(key)).toString('base64url');

/** As they stand in an address, already percent-encoded. */
const IN_ADDRESS_ALWAYS = ['%00', '%ED%A0%80', '0000-01-01', '9223372036854775808', cursorOf('a', 'b', 'c', '\u0000')];
const IN_ADDRESS = [
  'a%00b',
  '%FF',
  '%',
  '0000-01-01T00:00:00Z',
  '2026-01-01T00:00:00%2B23:59',
  '9999-12-31',
  '-0001-01-01',
  '99999999999999999999999999',
  '9007199254740991',
  '-1',
  '1e308',
  'NaN',
  '1.5',
  'constructor',
  '__proto__',
  "'%3B--",
  '%F0%9F%98%80',
  '%E2%80%AE',
  'a'.repeat(1500),
  cursorOf(9007199254740991),
  cursorOf(-9007199254740991),
  cursorOf(1e300),
  cursorOf('\0'),
  cursorOf('0000-01-01T00:00:00Z', 'x'),
  cursorOf('9999-12-31T00:00:00Z', '\ud800'),
  cursorOf('a', 'b', 'c', 'd'),
];
/** As JSON. */
const IN_BODY_ALWAYS: unknown[] = ['\0', '\ud800', 'a'.repeat(10_000), 9007199254740992, null, { toString: 1 }];
const IN_BODY: unknown[] = [
  'a\0b',
  'a\udfff',
  '',
  ' ',
  '0000-01-01T00:00:00Z',
  '2027-01-01T00:00:00+23:59',
  '+010000-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
  'a\\.example.com',
  'a\\000.example.com',
  `${'a'.repeat(64)}.example.com`,
  'xn--.example.com',
  '.example.com',
  'example.com.',
  'constructor',
  '__proto__',
  '\u202e',
  -1,
  1.5,
  1e308,
  true,
  [],
  ['a'],
  {},
];

let turn = 0;
/** The values for one field; the next field gets others of those that not every field gets. */
function valuesOf<Value>(always: readonly Value[], others: readonly Value[]): Value[] {
  turn++;
  return [...always, ...others.filter((_, at) => ALL || (at + turn) % SHARE === 0)];
}

const addressOf = (route: AnyRoute, values: Record<string, string> = {}) =>
  route.path.replace(/:(\w+)/g, (_, name: string) => values[name] ?? usual(route, name));
function usual({ path }: AnyRoute, name: string): string {
  if (name === 'domain') return 'example.com';
  if (name === 'sender') return 'x.example';
  if (name === 'month') return '2026-10';
  if (name === 'token') return 'x'.repeat(40);
  return path.includes('/findings/') ? String(finding) : '1';
}

/** A body that is right but for one field. */
const rightBody = (fields: readonly string[]): Record<string, unknown> => {
  const right: Record<string, unknown> = {
    why: 'w',
    days: 7,
    verdict: 'none',
    source: 'x.example',
    sender: 'x.example',
    decision: 'deny',
    domain: 'example.com',
    kind: 'dns.change',
    value: 'v=spf1 -all',
    digest: 'a'.repeat(64),
    name: 'www.example.com',
    key: '9',
  };
  return Object.fromEntries(Object.entries(right).filter(([name]) => fields.includes(name)));
};

const fieldsOf = (schema: z.ZodObject | undefined) => Object.keys(schema?.shape ?? {});

async function sent(route: AnyRoute, url: string, body?: Record<string, unknown>) {
  const api = route.kind === 'api';
  if (api)
    return c.app.inject({
      method: route.method,
      url,
      headers: { host: 'localhost', authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { payload: JSON.stringify(body) }),
    });
  if (route.method === 'GET') return root.get(url);
  const fields = Object.entries(body ?? {}).map(([name, value]) => [name, String(value)]);
  return root.post(url, Object.fromEntries(fields), { form });
}

type Sent = Awaited<ReturnType<typeof sent>>;

function expectAnswer(route: AnyRoute, answer: Sent, what: string): void {
  // The name server refuses: what a plan needs to know of DNS is not known.
  const unknown = answer.statusCode === 503 && answer.body.includes('dns_unknown');
  if (!unknown) expect(answer.statusCode, `${route.method} ${what} ${answer.body.slice(0, 500)}`).toBeLessThan(500);
  expect(answer.body, what).not.toMatch(/\bat \S+ \(|node_modules/);
  if (answer.statusCode < 400 || !route.path.startsWith('/api/')) return;
  expect(answer.headers['content-type'], what).toMatch(/^application\/problem\+json/);
  const problem = answer.json() as Record<string, unknown>;
  expect(problem, what).toMatchObject({ status: answer.statusCode, code: expect.any(String), title: expect.any(String) });
  expect(problem.detail, what).toMatch(/\S.*[.]$/s);
}

const routes = ROUTES.filter(({ path }) => path !== '/sign-out');

describe.each(routes.map((one) => [`${one.method} ${one.path}`, one] as const))('%s', (_, route) => {
  test('answers what nobody should send with a sentence', async () => {
    for (const name of fieldsOf(route.params))
      for (const bad of valuesOf(IN_ADDRESS_ALWAYS, IN_ADDRESS)) {
        const url = addressOf(route, { [name]: bad });
        expectAnswer(route, await sent(route, url, route.method === 'GET' ? undefined : rightBody(fieldsOf(route.body))), url);
      }
    for (const name of fieldsOf(route.query))
      for (const bad of valuesOf(IN_ADDRESS_ALWAYS, IN_ADDRESS)) {
        const url = `${addressOf(route)}?${name}=${bad}`;
        const answer = await sent(route, url);
        expectAnswer(route, answer, url);
        if (bad.includes('%00')) expect(answer.statusCode, url).toBe(400);
      }
    if (route.method === 'GET' || route.upload) return;
    for (const name of fieldsOf(route.body))
      for (const bad of valuesOf(IN_BODY_ALWAYS, IN_BODY)) {
        // A form has nothing but text, and a password costs time to compare.
        if (route.kind !== 'api' && (typeof bad !== 'string' || (name === 'password' && bad !== '\0'))) continue;
        const body = { ...rightBody(fieldsOf(route.body)), [name]: bad };
        const answer = await sent(route, addressOf(route), body);
        expectAnswer(route, answer, `${addressOf(route)} ${JSON.stringify(body).slice(0, 300)}`);
        if (bad === '\0' || (bad === '\ud800' && route.kind === 'api'))
          expect(answer.statusCode, `${addressOf(route)} ${JSON.stringify(body)}`).toBe(400);
      }
  }, 120_000);
});

describe('the API', () => {
  const call = (headers: Record<string, string>, payload?: string, url = `/api/v1/findings/${finding}/snooze`) =>
    c.app.inject({
      method: payload === undefined ? 'GET' : 'POST',
      url,
      headers: { host: 'localhost', authorization: `Bearer ${token}`, ...headers },
      ...(payload === undefined ? {} : { payload }),
    });
  test.each([
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'why=w&days=7', 415],
    ['plain text', { 'content-type': 'text/plain' }, '{"why":"w","days":7}', 415],
    ['XML', { 'content-type': 'application/xml' }, '<why/>', 415],
    ['a form with files', { 'content-type': 'multipart/form-data; boundary=x' }, '--x--', 415],
    ['a type that is none', { 'content-type': 'x' }, '{}', 415],
    ['no type', {}, '{"why":"w","days":7}', 415],
    ['half of a JSON text', { 'content-type': 'application/json' }, '{"why":', 400],
    ['no JSON text', { 'content-type': 'application/json' }, '', 400],
    ['a list', { 'content-type': 'application/json' }, '[]', 400],
    ['null', { 'content-type': 'application/json' }, 'null', 400],
    ['a number', { 'content-type': 'application/json' }, '1', 400],
    ['a prototype', { 'content-type': 'application/json' }, '{"why":"w","days":7,"__proto__":{"a":1}}', 400],
    ['a field that is not known', { 'content-type': 'application/json' }, '{"why":"w","days":7,"a":1}', 400],
    ['a huge body', { 'content-type': 'application/json' }, `{"why":"${'a'.repeat(100_000)}"}`, 413],
    ['deep nesting', { 'content-type': 'application/json' }, `{"why":${'['.repeat(30_000)}${']'.repeat(30_000)}}`, 400],
  ] as [string, Record<string, string>, string, number][])('refuses %s', async (_, headers, payload, status) => {
    const answer = await call(headers, payload);
    expect(answer.statusCode, answer.body).toBe(status);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({ status, code: expect.any(String), detail: expect.stringMatching(/[.]$/) });
  });
  test.each(['', '"x"', 'W/"x"', '*', ','.repeat(5000), '"\u00ff"'])('takes If-None-Match: %s', async (tag) => {
    expect((await call({ 'if-none-match': tag }, undefined, '/api/v1/domains')).statusCode).toBe(tag === '*' ? 304 : 200);
  });
  test.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'TRACE'])('answers %s with what it takes', async (method) => {
    const answer = await c.app.inject({ method: method as 'PUT', url: '/api/v1/domains', headers: { host: 'localhost' } });
    expect([404, 405]).toContain(answer.statusCode);
  });
});
