import { createHash } from 'node:crypto';
import type { CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyReply } from 'fastify';
import type { Visitor } from '../store/console/rights.ts';
import { html, path, withQuery } from './html.ts';
import { layout } from './layout.ts';
import { words } from './page-words/en.ts';
import type { Problem } from './problem.ts';
import type { Answer } from './routes.ts';
import { TOLD_SECONDS, toldCookie, toldSentence } from './told.ts';

/** For whom an answer is written. */
interface For {
  visitor: Visitor | null;
  form: string;
  /** The name and the options of the cookie of a session. */
  cookie: string;
  cookies: CookieSerializeOptions;
  now: Date;
  /** What `form` is once the answer has begun a session, or ended it. */
  formAfter(session: string | null | undefined): string;
}

/** How long somebody may take at the company's provider. */
const FLOW_SECONDS = 600;

/** Writes an answer. Pages are private: no cache keeps them. */
export function answerIn(reply: FastifyReply, answer: Answer, who: For): FastifyReply {
  switch (answer.is) {
    case 'page':
      return pageIn(reply, answer, { ...who, notice: noticeOf(reply, who) });
    case 'see':
      if (answer.told !== undefined) {
        const told = toldCookie(answer.told, who.formAfter(answer.session), who.now);
        reply.setCookie(`${who.cookie}-told`, told, { ...who.cookies, maxAge: TOLD_SECONDS });
      }
      if (answer.session !== undefined && answer.session !== null) reply.setCookie(who.cookie, answer.session, who.cookies);
      if (answer.session === null) reply.clearCookie(who.cookie, who.cookies);
      if (answer.flow) reply.setCookie(`${who.cookie}-flow`, answer.flow, { ...who.cookies, maxAge: FLOW_SECONDS });
      if (answer.flow === null) reply.clearCookie(`${who.cookie}-flow`, who.cookies);
      return reply.header('cache-control', 'no-store').redirect(String(answer.address), 303);
    case 'data':
      return dataIn(reply, answer);
    case 'file':
      if (answer.name !== undefined)
        reply.header('content-disposition', `attachment; filename="${answer.name.replace(/[^\w.-]/g, '_').slice(0, 100)}"`);
      if (answer.apart) reply.header('content-security-policy', APART);
      return reply
        .header('cache-control', answer.keep ? 'public, max-age=31536000, immutable' : 'no-store')
        .type(answer.type)
        .send(answer.content);
  }
}

/**
 * What the one before this page did, which is told once. What a script asks for, such as the page to which a
 * form led that it sent, is seen by nobody.
 */
function noticeOf(reply: FastifyReply, { cookie, cookies, form, now }: For): string | null {
  const { cookies: sent, headers } = reply.request;
  const told = sent[`${cookie}-told`];
  if (told === undefined || (headers['sec-fetch-dest'] ?? 'document') !== 'document') return null;
  reply.clearCookie(`${cookie}-told`, cookies);
  return toldSentence(told, form, now);
}

/**
 * What a mail that is shown as HTML may do: have its own style, and lead to pages. It has no origin, so
 * nothing of ours is its.
 */
const APART =
  "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox allow-popups allow-top-navigation-by-user-activation";

/**
 * Data for programs. A program that has it already is told so (RFC 9110 section 13.1.2); no shared cache
 * keeps it.
 */
function dataIn(reply: FastifyReply, { data, status = 200 }: Extract<Answer, { is: 'data' }>): FastifyReply {
  const text = JSON.stringify(data);
  const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;
  const { method, headers } = reply.request;
  const known = (headers['if-none-match'] ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''));
  reply.header('vary', 'authorization');
  if (method !== 'GET') return reply.status(status).header('cache-control', 'no-store').type(JSON_TYPE).send(text);
  reply.header('cache-control', 'private, no-cache').header('etag', tag);
  return known.includes(tag) || known.includes('*') ? reply.status(304).send() : reply.status(status).type(JSON_TYPE).send(text);
}

const JSON_TYPE = 'application/json; charset=utf-8';

function pageIn(
  reply: FastifyReply,
  answer: Extract<Answer, { is: 'page' }>,
  who: Pick<For, 'visitor' | 'form'> & { notice: string | null },
): FastifyReply {
  if (answer.refresh !== undefined) reply.header('refresh', String(answer.refresh));
  return reply
    .status(answer.status ?? 200)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(layout(answer, who).put({ guard: who.form, again: null }));
}

/** Seconds after which a page about something that may pass asks again. */
const AGAIN = 10;

/** Writes a problem: a page, or for programs `application/problem+json` (RFC 9457). */
export function problemPage(
  reply: FastifyReply,
  { status, code, title, detail }: Problem,
  { visitor, form, api }: { visitor: Visitor | null; form: string; api: boolean },
): FastifyReply {
  const here = reply.request.url;
  if (api && status === 401) reply.header('www-authenticate', 'Bearer realm="ruawatch"');
  if (api && code === 'scope_missing') reply.header('www-authenticate', 'Bearer realm="ruawatch", error="insufficient_scope"');
  if (api)
    return reply
      .status(status)
      .header('cache-control', 'no-store')
      .type('application/problem+json; charset=utf-8')
      .send(JSON.stringify({ type: `urn:ruawatch:problem:${code}`, status, code, title, detail }));
  if (status === 401) {
    const next = reply.request.method === 'GET' && here !== '/' ? here : null;
    return reply.header('cache-control', 'no-store').redirect(String(withQuery(path`/sign-in`, { next })), 303);
  }
  const body = html`<div class="problem">
    <h1>${title}</h1>
    <p>${detail}</p>
    <p class="quiet">${words.problems.code(code)}</p>
    <p><a class="button" href="${path`/`}">${words.problems.home}</a></p>
  </div>`;
  return pageIn(
    reply,
    { is: 'page', title, body, status, ...(status === 503 ? { refresh: AGAIN } : {}) },
    { visitor, form, notice: null },
  );
}
