import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ROUTES } from '../../services/console/pages/index.ts';
import type { AnyRoute } from '../../services/console/routes.ts';
import { buildConsole } from '../../services/console/server.ts';
import { type TestConsole, testConsole } from './setup.ts';

let c: TestConsole;
beforeAll(async () => {
  c = await testConsole();
});
afterAll(() => c.close());

/** What a route takes, as a reader of its documentation would write it down. */
const taken = (what: string, schema: z.ZodType | undefined): string[] => {
  if (schema === undefined) return [];
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, object>;
  };
  return Object.entries(properties).map(([name, limits]) => `  ${what} ${name}: ${JSON.stringify(limits)}`);
};
const described = ({ method, path, kind, least, scope, waitsFor, perMinute, ...more }: AnyRoute): string => {
  const given = more as { params?: z.ZodType; query?: z.ZodType; body?: z.ZodType };
  const limits = [waitsFor && `waits for ${waitsFor}`, perMinute && `${perMinute} a minute`].filter(Boolean);
  return [
    [`${method} ${path}: ${kind}, ${least}, ${scope}`, ...limits].join(', '),
    ...taken('path', given.params),
    ...taken('query', given.query),
    ...taken('body', given.body),
  ].join('\n');
};

test('who may use each route, how often, and how much it takes', async () => {
  await expect(`${ROUTES.map(described).join('\n')}\n`).toMatchFileSnapshot('golden/routes.txt');
});

test('whoever guesses passwords, codes or links has few tries a minute, and each answer says how many', async () => {
  const limits: Record<string, number> = {};
  for (const { method, path, perMinute } of ROUTES) {
    if (perMinute === undefined) continue;
    const url = path.replace(/:\w+/g, 'x'.repeat(40));
    const { headers } = await c.app.inject({ method, url, headers: { host: 'localhost' } });
    limits[`${method} ${path}`] = Number(headers['x-ratelimit-limit']);
  }
  expect(limits).toEqual(
    Object.fromEntries(ROUTES.flatMap((r) => (r.perMinute ? [[`${r.method} ${r.path}`, r.perMinute]] : []))),
  );
  expect(limits).toMatchObject({
    'POST /sign-in': 10,
    'POST /link/:token': 10,
    'POST /held-for-me': 20,
    'POST /account/codes/confirm': 10,
  });
});

test('browsers are told to come back over TLS only where people reach the console by it', async () => {
  const headersAt = async (consoleUrl: string | null) => {
    const services = { ...c.context, config: { ...c.context.config, consoleUrl } };
    const app = await buildConsole({ routes: ROUTES, services });
    const { headers } = await app.inject({ url: '/sign-in', headers: { host: 'ruawatch.example.com' } });
    await app.close();
    return headers['strict-transport-security'];
  };
  expect(await headersAt('https://ruawatch.example.com')).toBe('max-age=15552000');
  expect(await headersAt('http://ruawatch.example.com')).toBeUndefined();
});
