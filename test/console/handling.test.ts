import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ROUTES } from '../../services/console/pages/index.ts';
import { type AnyRoute, type Asked, route } from '../../services/console/routes.ts';
import { Kept } from '../../services/store/console/page-cache.ts';
import { type TestConsole, type TestPerson, testConsole } from './setup.ts';

/** What a handler is given, but for the services; a route of each kind answers with it. */
const given = ({ params, query, body, files, visitor, reader, session, address, agent, origin, flow, here }: Asked) => ({
  is: 'data' as const,
  data: {
    params,
    query,
    body,
    files: files.map(({ name, bytes }) => `${name} ${bytes}`),
    visitor: visitor && [visitor.role, visitor.scope],
    reader: [reader.scope, 'kept' in reader],
    session: session !== null,
    address,
    agent,
    origin,
    flow,
    here,
  },
});
const handle = (asked: Asked) => given(asked);
const f = { query: z.object({ q: z.string().optional() }), body: z.object({ f: z.string().optional() }) };
const OWN: AnyRoute[] = [
  route({ method: 'GET', path: '/t/page', kind: 'page', least: 'everybody', scope: 'none', query: f.query, handle }),
  route({ method: 'POST', path: '/t/page', kind: 'page', least: 'everybody', scope: 'none', body: f.body, handle }),
  route({ method: 'GET', path: '/t/file', kind: 'file', least: 'viewer', scope: 'filtered', handle }),
  route({ method: 'GET', path: '/t/all', kind: 'page', least: 'operator', scope: 'installation', handle }),
  route({
    method: 'GET',
    path: '/t/of/:domain',
    kind: 'page',
    least: 'viewer',
    scope: 'domain',
    params: z.object({ domain: z.string() }),
    handle,
  }),
  route({
    method: 'POST',
    path: '/t/upload',
    kind: 'page',
    least: 'viewer',
    scope: 'installation',
    upload: true,
    body: f.body,
    handle,
  }),
  route({
    method: 'POST',
    path: '/t/own-upload',
    kind: 'page',
    least: 'viewer',
    scope: 'filtered',
    upload: true,
    body: f.body,
    handle,
  }),
  route({ method: 'DELETE', path: '/t/page', kind: 'page', least: 'viewer', scope: 'none', handle }),
];
const api = { kind: 'api', least: 'viewer', scope: 'filtered' } as const;
const notes = { id: 'x', summary: 'x', answer: z.any() };
const PROGRAMS: AnyRoute[] = [
  route({ method: 'GET', path: '/api/t', ...api, api: { ...notes, token: 'read' }, handle }),
  route({ method: 'POST', path: '/api/t', ...api, body: f.body, api: { ...notes, token: 'act' }, handle }),
];

let c: TestConsole;
let root: TestPerson;
let viewer: TestPerson;
const kept = new Kept();
beforeAll(async () => {
  const pages = ROUTES.filter(({ path }) => path === '/account' || path === '/sign-in');
  c = await testConsole({ routes: [...OWN, ...PROGRAMS, ...pages], kept });
  root = await c.person('admin', null);
  viewer = await c.person('viewer', ['example.com']);
});
afterAll(() => c.close());

const BROWSER = { 'user-agent': 'Browser/1' };
const formOf = async (person: TestPerson, at = '/account') =>
  /name="form" value="([^"]+)"/.exec((await person.get(at)).body)?.[1] ?? '';
const multipart = (form: string) => ({
  headers: { origin: 'http://localhost:9808', 'content-type': 'multipart/form-data; boundary=ruawatch-test-boundary' },
  payload: `--ruawatch-test-boundary\r\nContent-Disposition: form-data; name="form"\r\n\r\n${form}\r\n--ruawatch-test-boundary\r\nContent-Disposition: form-data; name="f"\r\n\r\nx\r\n--ruawatch-test-boundary\r\nContent-Disposition: form-data; name="files"; filename="a.xml"\r\n\r\nbytes\r\n--ruawatch-test-boundary\r\nContent-Disposition: form-data; name="files"; filename=""\r\n\r\n\r\n--ruawatch-test-boundary--\r\n`,
});

const said = ({ statusCode, body }: { statusCode: number; body: string }) => {
  const found = body.startsWith('{') ? JSON.parse(body) : (/<p>([\s\S]*?)<\/p>/.exec(body)?.[1] ?? body);
  return `${statusCode} ${found.code ?? JSON.stringify(found)}`;
};
const linesOf = (answers: Record<string, string>) =>
  `${Object.entries(answers)
    .map(([what, answer]) => `${what}: ${answer}`)
    .join('\n')}\n`;

test('a handler is given what its route reads, and who asks from where', async () => {
  const stranger = c.stranger();
  await stranger.get('/sign-in');
  const requests: [TestPerson, InjectOptions][] = [
    [stranger, { url: '/t/page?q=x&other=y' }],
    [root, { url: '/t/page', headers: { ...BROWSER, cookie: 'ruawatch-flow=f' } }],
    [root, { url: '/t/page', headers: BROWSER }],
    [viewer, { url: '/t/page' }],
    [viewer, { url: '/t/file' }],
    [viewer, { url: '/t/of/example.com?x=y' }],
    [viewer, { url: '/t/of/example.net' }],
    [root, { url: '/t/of/example.net' }],
    [viewer, { url: '/t/all' }],
    [root, { url: '/t/all' }],
    [stranger, { url: '/t/all' }],
    [stranger, { url: '/t/of/example.com' }],
  ];
  const answers: Record<string, string> = {};
  for (const [i, [person, request]] of requests.entries()) answers[`${i} ${request.url}`] = said(await person.raw(request));
  await expect(linesOf(answers)).toMatchFileSnapshot('golden/handling/given.txt');
});

test('a form is taken from a page of ours alone, with its fields and files', async () => {
  const [own, others] = [await formOf(root), await formOf(viewer)];
  const stranger = c.stranger();
  const first = await formOf(stranger, '/sign-in');
  const sent = async (person: TestPerson, url: string, form: string | null, more: InjectOptions = {}) =>
    said(
      await person.raw({
        method: 'POST',
        url,
        headers: { origin: 'http://localhost:9808', 'content-type': 'application/x-www-form-urlencoded' },
        payload: form === null ? '' : `form=${encodeURIComponent(form)}&f=x`,
        ...more,
      }),
    );
  const of = (headers: Record<string, string>) => ({
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  });
  const answers = {
    own: await sent(root, '/t/page', own),
    stranger: await sent(stranger, '/t/page', first),
    'of another': await sent(root, '/t/page', others),
    'without the field': await sent(root, '/t/page', null),
    'nobody before': await sent(c.stranger(), '/t/page', ''),
    'without a body': await sent(root, '/t/page', own, { payload: '' }),
    'of another origin': await sent(root, '/t/page', own, of({ origin: 'https://evil.example' })),
    'of another site': await sent(root, '/t/page', own, of({ origin: 'http://localhost:9808', 'sec-fetch-site': 'cross-site' })),
    'by the site alone': await sent(root, '/t/page', own, of({ 'sec-fetch-site': 'same-origin' })),
    'from nowhere': await sent(root, '/t/page', own, of({})),
    files: await sent(root, '/t/upload', null, multipart(own)),
    'files of another form': await sent(root, '/t/upload', null, multipart(others)),
    'files of whoever sees less': await sent(viewer, '/t/upload', others),
    'own files': await sent(viewer, '/t/own-upload', null, multipart(others)),
    'no files': await sent(viewer, '/t/own-upload', others),
    'files where none are': await sent(root, '/t/page', null, multipart(own)),
    'another method': said(await root.raw({ method: 'DELETE', url: '/t/page' })),
  };
  await expect(linesOf(answers)).toMatchFileSnapshot('golden/handling/forms.txt');
});

test('a program sends JSON or nothing, and needs no form', async () => {
  const sent = async (headers: Record<string, string>, payload?: string) => {
    const { token } = await tokenOf(viewer);
    return said(
      await viewer.raw({
        method: 'POST',
        url: '/api/t',
        headers: { authorization: token, ...headers },
        ...(payload !== undefined && { payload }),
      }),
    );
  };
  const tokenOf = async (person: TestPerson) => {
    let token = '';
    const inject = c.app.inject.bind(c.app);
    // The token that the helper makes, as a program would send it.
    c.app.inject = ((options: InjectOptions) => {
      token = String(options.headers?.authorization);
      return inject(options);
    }) as typeof c.app.inject;
    await person.api('GET', '/api/t');
    c.app.inject = inject;
    return { token };
  };
  const answers = {
    json: await sent({ 'content-type': 'application/json' }, '{"f":"x"}'),
    'json with its charset': await sent({ 'content-type': 'Application/JSON ; charset=utf-8' }, '{}'),
    nothing: await sent({}),
    'a form': await sent({ 'content-type': 'application/x-www-form-urlencoded' }, 'f=x'),
    'like json': await sent({ 'content-type': 'application/jsonx' }, '{}'),
    read: said(await viewer.api('GET', '/api/t')),
  };
  await expect(linesOf(answers)).toMatchFileSnapshot('golden/handling/programs.txt');
});

test('sums that are kept are forgotten once somebody changes something, and by no page that is read', async () => {
  const own = await formOf(root);
  let asked = 0;
  const sum = () => {
    // One that is still being asked is kept, however fast this machine is.
    void kept.of('a sum', () => {
      asked++;
      return new Promise<never[]>(() => undefined);
    });
    return asked;
  };
  const numbers = [sum()];
  await root.get('/t/page');
  numbers.push(sum());
  await root.raw({
    method: 'POST',
    url: '/t/page',
    headers: { origin: 'http://localhost:9808', 'content-type': 'application/x-www-form-urlencoded' },
    payload: `form=${encodeURIComponent(own)}`,
  });
  numbers.push(sum());
  expect(numbers).toEqual([1, 1, 2]);
});
