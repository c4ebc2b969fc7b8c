import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checkMailbox, startPoller } from '../../services/poller/index.ts';
import { createTokens } from '../../services/poller/oauth.ts';
import type { OAuth } from '../../services/shared/settings/mailbox.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { contextFor, mail, mailboxAt, rowsOf, startImap, until } from './setup.ts';

/** A token endpoint: what it was asked, and what it answers next. */
const asked: Record<string, string>[] = [];
let answer: (n: number) => { status: number; body: unknown };
const endpoint = createServer((request, response) => {
  let text = '';
  request.on('data', (data: Buffer) => {
    text += data.toString();
  });
  request.on('end', () => {
    asked.push(Object.fromEntries(new URLSearchParams(text)));
    const { status, body } = answer(asked.length);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
});
let tokenUrl: string;
let t: TestDatabase;

beforeAll(async () => {
  await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
  tokenUrl = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/token`;
  t = await testDatabase();
});
afterAll(async () => {
  endpoint.close();
  await t.drop();
});
beforeEach(() => {
  asked.length = 0;
  answer = (n) => ({ status: 200, body: { access_token: `token-${n}`, expires_in: 3600, token_type: 'Bearer' } });
});

function oauth(extra: Partial<OAuth> = {}): OAuth {
  return { tokenUrl, clientId: 'the client', clientSecret: 's3cret', refreshToken: null, scope: 'the scope', ...extra };
}

/** A clock that is set by hand. */
function handClock(): { now(): Date; pass(seconds: number): void } {
  let at = Date.UTC(2026, 0, 1);
  return {
    now: () => new Date(at),
    pass(seconds) {
      at += seconds * 1000;
    },
  };
}

describe('tokens', () => {
  test('client_credentials and refresh_token ask with the fields of RFC 6749', async () => {
    await createTokens('m', oauth(), handClock()).get();
    await createTokens('m', oauth({ refreshToken: 'the refresh token', clientSecret: null, scope: null }), handClock()).get();
    expect(asked).toEqual([
      { grant_type: 'client_credentials', client_id: 'the client', client_secret: 's3cret', scope: 'the scope' },
      { grant_type: 'refresh_token', client_id: 'the client', refresh_token: 'the refresh token' },
    ]);
  });

  test('a refresh token that nobody asked for does not change the grant, and one that replaces another is used next', async () => {
    answer = (n) => ({ status: 200, body: { access_token: `token-${n}`, refresh_token: `refresh-${n}` } });
    for (const refreshToken of [null, 'the first']) {
      const tokens = createTokens('m', oauth({ refreshToken }), handClock());
      await tokens.get();
      tokens.forget();
      await tokens.get();
    }
    expect(asked.map((form) => [form.grant_type, form.refresh_token])).toEqual([
      ['client_credentials', undefined],
      ['client_credentials', undefined],
      ['refresh_token', 'the first'],
      ['refresh_token', 'refresh-3'],
    ]);
  });

  test.each([undefined, 'soon', 0, -5])(
    'a token that expires in %s is kept for ten minutes, less half of them',
    async (expires_in) => {
      answer = (n) => ({ status: 200, body: { access_token: `token-${n}`, expires_in } });
      const clock = handClock();
      const tokens = createTokens('m', oauth(), clock);
      await tokens.get();
      clock.pass(299);
      expect(await tokens.get()).toBe('token-1');
      clock.pass(1);
      expect(await tokens.get()).toBe('token-2');
    },
  );

  test('a token is kept, and renewed before it ends', async () => {
    const clock = handClock();
    const tokens = createTokens('m', oauth(), clock);
    expect([await tokens.get(), await tokens.get()]).toEqual(['token-1', 'token-1']);
    clock.pass(3600 - 5 * 60 - 1);
    expect(await tokens.get()).toBe('token-1');
    clock.pass(2);
    expect(await Promise.all([tokens.get(), tokens.get()])).toEqual(['token-2', 'token-2']);
    tokens.forget();
    expect(await tokens.get()).toBe('token-3');
  });

  test('a short-lived token is used for half of its life', async () => {
    answer = (n) => ({ status: 200, body: { access_token: `token-${n}`, expires_in: '60' } });
    const clock = handClock();
    const tokens = createTokens('m', oauth(), clock);
    await tokens.get();
    clock.pass(29);
    expect(await tokens.get()).toBe('token-1');
    clock.pass(2);
    expect(await tokens.get()).toBe('token-2');
  });

  test('a refresh token that is replaced is used the next time', async () => {
    answer = (n) => ({ status: 200, body: { access_token: `token-${n}`, refresh_token: `refresh-${n}`, expires_in: 3600 } });
    const tokens = createTokens('m', oauth({ refreshToken: 'refresh-0' }), handClock());
    await tokens.get();
    tokens.forget();
    await tokens.get();
    expect(asked.map((a) => a.refresh_token)).toEqual(['refresh-0', 'refresh-1']);
  });

  test.each([
    [
      400,
      { error: 'invalid_grant', error_description: 'Token has been expired or revoked.' },
      'oauth_refused',
      false,
      /obtain a new one.*expired or revoked/,
    ],
    [401, { error: 'invalid_client' }, 'oauth_refused', false, /check oauth\.client_id and oauth\.client_secret/],
    [500, { error: 'server_error' }, 'oauth_unreachable', true, /status 500; it is retried/],
    [503, 'busy', 'oauth_unreachable', true, /status 503; it is retried/],
    [429, { error: 'slow_down' }, 'oauth_unreachable', true, /status 429/],
    [200, { token_type: 'Bearer' }, 'oauth_unreachable', true, /without an access_token/],
  ])('status %d, %j: %s', async (status, body, code, transient, sentence) => {
    answer = () => ({ status, body });
    const error = await createTokens('m', oauth(), handClock())
      .get()
      .catch((e: unknown) => e);
    expect(error).toMatchObject({ code, transient, message: expect.stringMatching(sentence) });
    expect(String(error)).not.toContain('s3cret');
  });

  const refusalOf = async (body: unknown, status = 400) => {
    answer = () => ({ status, body });
    const error = await createTokens('m', oauth(), handClock())
      .get()
      .catch((e: unknown) => e);
    return (error as Error).message;
  };
  const REFUSED = () => `Mailbox "m": the token endpoint ${new URL(tokenUrl).host} refused a token`;

  test.each([
    [{ error: 'invalid_scope' }, '(invalid_scope): check oauth.scope.'],
    [{ error: 'unauthorized_client' }, '(unauthorized_client): this client may not use this grant; check the app registration.'],
    [{ error: 'odd', error_description: 7 }, '(odd): check the oauth settings.'],
    [{ error: 'odd', error_description: '' }, '(odd): check the oauth settings.'],
    [{ error: 'odd', error_description: 'first\r\nsecond' }, '(odd): check the oauth settings. The server says: first'],
    [{ error: 'e'.repeat(61) }, `(${'e'.repeat(60)}): check the oauth settings.`],
    [
      { error: 'odd', error_description: 'd'.repeat(201) },
      `(odd): check the oauth settings. The server says: ${'d'.repeat(200)}`,
    ],
  ])('a refusal is one sentence, with what the server says of it: %j', async (body, sentence) => {
    expect(await refusalOf(body)).toBe(`${REFUSED()} ${sentence}`);
  });

  test.each([
    [300, { error: 'invalid_scope' }, '(invalid_scope)'],
    [499, { error: 'invalid_scope' }, '(invalid_scope)'],
    [400, { error: 'temporarily_unavailable' }, 'status 400; it is retried'],
    [400, { error: 7 }, 'status 400; it is retried'],
    [400, '"a text"', 'status 400; it is retried'],
    [400, 'null', 'status 400; it is retried'],
    [200, { access_token: '' }, 'without an access_token'],
    [200, { access_token: 7 }, 'without an access_token'],
    [200, 'null', 'without an access_token'],
  ])('status %i with %j: %s', async (status, body, words) => {
    expect(await refusalOf(body, status)).toContain(words);
  });

  test('every status of success gives a token, and a second of life is a life', async () => {
    answer = (n) => ({ status: 299, body: { access_token: `token-${n}`, expires_in: 1 } });
    const clock = handClock();
    const tokens = createTokens('m', oauth(), clock);
    expect(await tokens.get()).toBe('token-1');
    clock.pass(0.499);
    expect(await tokens.get()).toBe('token-1');
    clock.pass(0.001);
    expect(await tokens.get()).toBe('token-2');
  });

  test('whoever waits for a token may give up, and the next one gets it', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const stop = new AbortController();
    const waiting = createTokens('m', oauth({ tokenUrl: `http://127.0.0.1:${port}/` }), handClock()).get(stop.signal);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'oauth_unreachable' });
    silent.close();
    const tokens = createTokens('m', oauth(), handClock());
    await expect(tokens.get(AbortSignal.abort())).rejects.toMatchObject({ code: 'oauth_unreachable' });
    expect(await tokens.get()).toBe('token-1');
  });

  test('an endpoint that is not there is transient; one without TLS on another host is refused', async () => {
    await expect(createTokens('m', oauth({ tokenUrl: 'http://127.0.0.1:1/token' }), handClock()).get()).rejects.toMatchObject({
      code: 'oauth_unreachable',
      transient: true,
    });
    await expect(createTokens('m', oauth({ tokenUrl: 'http://login.example/token' }), handClock()).get()).rejects.toMatchObject({
      code: 'oauth_settings',
    });
  });
});

describe('XOAUTH2 against a server that checks it', () => {
  const settings = () => ({
    oauth: { token_url: tokenUrl, client_id: 'c', client_secret: 's3cret', refresh_token: 'the refresh token' },
  });

  test('the poller logs in with a token, and gets a fresh one when the server takes the old one no more', async () => {
    const imap = await startImap({ mails: [mail('a')], plugins: ['SASL-IR', 'XOAUTH2'] });
    imap.takeToken('token-1');
    const mailbox = mailboxAt(imap.url.replace(':secret%20word', ''), settings());
    const context = contextFor(t, [mailbox]);
    const poller = startPoller(context, { retryMs: 50, refusedMs: 50 });
    await until(
      'stored',
      () => rowsOf(t, mailbox),
      (r) => r.length === 1,
    );
    expect(asked).toHaveLength(1);
    await poller.stop();

    // The first token was revoked: the login fails once, the token is dropped, the next one is taken.
    answer = (n) => ({ status: 200, body: { access_token: n === 2 ? 'revoked' : 'token-new', expires_in: 3600 } });
    imap.takeToken('token-new');
    imap.append(mail('b'));
    const again = startPoller(context, { retryMs: 50, refusedMs: 50 });
    await until(
      'stored',
      () => rowsOf(t, mailbox),
      (r) => r.length === 2,
    );
    await again.stop();
    expect(asked).toHaveLength(3);
    expect(context.logged()).toContain('does not accept the OAuth token');
    expect(context.logged()).not.toMatch(/s3cret|token-1|token-new|revoked|the refresh token/);
    await context.close();
    await imap.stop();
  });

  test('a revoked refresh token, and a server without XOAUTH2, are one sentence', async () => {
    const imap = await startImap({ plugins: ['SASL-IR', 'XOAUTH2'] });
    const plain = await startImap({});
    const context = contextFor(t, []);
    const url = (i: typeof imap) => i.url.replace(':secret%20word', '');
    await expect(checkMailbox(mailboxAt(url(plain), settings()), context.log)).rejects.toThrow(/offers no OAuth login/);
    answer = () => ({ status: 400, body: { error: 'invalid_grant' } });
    await expect(checkMailbox(mailboxAt(url(imap), settings()), context.log)).rejects.toThrow(
      /the refresh token was revoked or has expired/,
    );
    await Promise.all([context.close(), imap.stop(), plain.stop()]);
  });
});
