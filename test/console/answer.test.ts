import cookie from '@fastify/cookie';
import fastify, { type FastifyReply, type InjectOptions } from 'fastify';
import { expect, test } from 'vitest';
import { answerIn, problemPage } from '../../services/console/answer.ts';
import { html, path } from '../../services/console/html.ts';
import { type Answer, page } from '../../services/console/routes.ts';
import { toldCookie } from '../../services/console/told.ts';

const NOW = new Date('2026-11-28T12:00:00Z');
const WHO = {
  visitor: null,
  form: 'a form',
  cookie: 'ruawatch',
  cookies: { path: '/', httpOnly: true, sameSite: 'lax', secure: false },
  now: NOW,
  formAfter: (session: string | null | undefined) => `the form after ${session}`,
} as const;

/** Of the headers, those that we write. */
const OURS =
  /^(?:cache-control|content-disposition|content-security-policy|content-type|etag|location|refresh|set-cookie|vary|www-authenticate)$/;

async function answered(write: (reply: FastifyReply) => FastifyReply, request: InjectOptions = {}) {
  const app = fastify();
  await app.register(cookie);
  app.route({ method: ['GET', 'POST'], url: '/*', handler: (_, reply) => write(reply) });
  const { statusCode, headers, body } = await app.inject({ method: 'GET', url: '/here?a=b', ...request });
  await app.close();
  return { statusCode, headers: Object.fromEntries(Object.entries(headers).filter(([name]) => OURS.test(name))), body };
}
const of = (answer: Answer, request: InjectOptions = {}) => answered((reply) => answerIn(reply, answer, WHO), request);

test.each<[string, Answer, InjectOptions?]>([
  ['a page', page('Title', html`<p>body</p>`)],
  ['a page that asks again', page('Title', html`<p>body</p>`, { status: 409, refresh: 5, section: 'findings', script: true })],
  ['another page', { is: 'see', address: path`/next` }],
  ['a session that begins', { is: 'see', address: path`/next`, session: 'token', told: { done: 'signed_out' } }],
  ['a session that ends', { is: 'see', address: path`/next`, session: null, flow: null, told: { done: 'resolved', about: 'x' } }],
  ['the way to a provider', { is: 'see', address: path`/next`, flow: 'state' }],
  ['data', { is: 'data', data: { a: [1, 'é'] } }],
  ['data with a status', { is: 'data', data: null, status: 202 }],
  [
    'data that is known',
    { is: 'data', data: { a: [1, 'é'] } },
    { headers: { 'if-none-match': '"x", W/"XbFKLN3JLTE2WAa7XYLtK8Q2v2l"' } },
  ],
  ['data that is known whatever it is', { is: 'data', data: 1 }, { headers: { 'if-none-match': '*' } }],
  ['data that is not known', { is: 'data', data: 1, status: 201 }, { headers: { 'if-none-match': '"x", y' } }],
  ['what a program did', { is: 'data', data: 1, status: 201 }, { method: 'POST', headers: { 'if-none-match': '*' } }],
  ['a file', { is: 'file', type: 'text/csv', content: 'a,b', name: 'of a/b"é.c-d.csv' }],
  ['a file with a long name', { is: 'file', type: 'text/csv', content: Buffer.from('a'), name: 'x'.repeat(101), apart: true }],
  ['a file that is kept', { is: 'file', type: 'text/css', content: 'a', keep: true }],
])('%s is answered with all its headers', async (name, answer, request = {}) => {
  const { body, ...rest } = await of(answer, request);
  const main = /<main[\s\S]*<\/main>/.exec(body)?.[0] ?? body;
  await expect(`${JSON.stringify(rest, null, 1)}\n${main}\n`).toMatchFileSnapshot(
    `golden/answers/${name.replaceAll(' ', '-')}.txt`,
  );
});

test('what was done is told on the next page that somebody sees, once', async () => {
  const told = toldCookie({ done: 'snoozed' }, WHO.form, NOW);
  const shown = async (headers: Record<string, string>) => {
    const answer = await of(page('Title', html`<p>body</p>`), { headers });
    return [answer.body.includes('The finding is snoozed.'), answer.headers['set-cookie'] ?? null];
  };
  const gone = 'ruawatch-told=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax';
  expect(await shown({ cookie: `ruawatch-told=${told}` })).toEqual([true, gone]);
  expect(await shown({ cookie: `ruawatch-told=${told}`, 'sec-fetch-dest': 'document' })).toEqual([true, gone]);
  expect(await shown({ cookie: `ruawatch-told=${told}`, 'sec-fetch-dest': 'empty' })).toEqual([false, null]);
  expect(await shown({ cookie: 'ruawatch-told=forged' })).toEqual([false, gone]);
  expect(await shown({})).toEqual([false, null]);
});

const PROBLEM = { status: 404, code: 'no_page', title: 'Not there', detail: 'It is <not> there.', cause: 'for the log' };
test.each<[string, Partial<typeof PROBLEM>, { api?: boolean; request?: InjectOptions }]>([
  ['a page', {}, {}],
  ['a page that asks again', { status: 503, code: 'busy' }, {}],
  ['a page to sign in', { status: 401 }, {}],
  ['a page to sign in after the first one', { status: 401 }, { request: { url: '/' } }],
  ['a page to sign in after a form', { status: 401 }, { request: { method: 'POST' } }],
  ['a problem', {}, { api: true }],
  ['a problem of a busy server', { status: 503, code: 'busy' }, { api: true }],
  ['a problem without a token', { status: 401, code: 'no_token' }, { api: true }],
  ['a problem of a scope', { status: 403, code: 'scope_missing' }, { api: true }],
])('what does not work is %s', async (name, problem, { api = false, request = {} }) => {
  const { body, ...rest } = await answered(
    (reply) => problemPage(reply, { ...PROBLEM, ...problem }, { visitor: null, form: 'a form', api }),
    request,
  );
  const main = /<main[\s\S]*<\/main>/.exec(body)?.[0] ?? body;
  await expect(`${JSON.stringify(rest, null, 1)}\n${main}\n`).toMatchFileSnapshot(
    `golden/answers/problem-${name.replaceAll(' ', '-')}.txt`,
  );
});
