import { execFileSync } from 'node:child_process';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createSilentServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { checkWebhook, post, WebhookDown } from '../../../services/alerter/webhook/post.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { acknowledge } from '../../../services/store/findings/operator-actions.ts';
import { which } from '../../helpers/services.ts';
import { type Bench, bench, eventually } from '../setup.ts';
import { startSink } from '../sink.ts';

const SECRET = 'a secret of more than sixteen bytes';
const NOTHING = Buffer.from('{}');

interface Posted {
  headers: IncomingHttpHeaders;
  body: string;
  path: string;
}

/** A receiver; `answer` says what becomes of a post, 204 without it. */
let server: Server;
let got: Posted[];
let answer: ((posted: Posted, response: ServerResponse) => void) | null;
let at: string;
let b: Bench;

async function listen(of: Server): Promise<string> {
  of.listen(0, '127.0.0.1');
  await once(of, 'listening');
  return `127.0.0.1:${(of.address() as AddressInfo).port}`;
}

beforeEach(async () => {
  got = [];
  answer = null;
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const posted = { headers: request.headers, body: Buffer.concat(chunks).toString('utf8'), path: request.url! };
      got.push(posted);
      if (answer) answer(posted, response);
      else response.writeHead(204).end();
    });
  });
  at = await listen(server);
  b = await bench();
});
afterEach(async () => {
  await b.close();
  server.closeAllConnections();
  server.close();
});

const env = (extra: Record<string, string> = {}) => ({
  WEBHOOK_URL: `http://${at}/in?token=t0ken`,
  WEBHOOK_SECRET: SECRET,
  ...extra,
});
const status = (code: number, headers: Record<string, string> = {}) => {
  answer = (_, response) => {
    response.writeHead(code, headers).end('what it says');
  };
};
const outboxRows = async () =>
  (await b.db.query('select state, attempts, last_error, webhook, kind, next_at from ruawatch.outbox order by outbox_key')).rows;

/** As docs/alerts.md tells a receiver to do it. */
function verify({ headers, body }: Posted, secret: string): boolean {
  const mac = createHmac('sha256', secret).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`).digest();
  return String(headers['webhook-signature'])
    .split(' ')
    .some((one) => one.startsWith('v1,') && timingSafeEqual(mac, Buffer.from(one.slice(3), 'base64')));
}

describe('a JSON webhook', () => {
  test('gets every event once, signed, without any mail server', async () => {
    b.alerter(null, {}, env());
    const key = await b.event({ domain: 'one.example' });
    await eventually(() => expect(got).toHaveLength(1));
    await b.event({ finding: key, event: 'changed', revision: 2, severity: 'critical' });
    await b.event({ finding: key, event: 'resolved', revision: 2 });
    await b.event({ domain: 'quiet.example', notify: false });
    await eventually(() => expect(got).toHaveLength(3));
    const documents = got.map(({ body }) => JSON.parse(body));
    expect(documents.map((d) => [d.version, d.type, d.data.finding_key, d.data.revision, d.data.severity])).toEqual([
      [1, 'finding.opened', key, 1, 'high'],
      [1, 'finding.changed', key, 2, 'critical'],
      [1, 'finding.resolved', key, 2, 'high'],
    ]);
    expect(documents[0]).toMatchObject({
      timestamp: '2026-10-06T08:00:00.000Z',
      data: { domain: 'one.example', kind: 'unauthorized_source', evidence: { messages: 1610 } },
    });
    for (const posted of got) {
      expect(verify(posted, SECRET)).toBe(true);
      expect(verify({ ...posted, body: `${posted.body} ` }, SECRET)).toBe(false);
      expect(posted).toMatchObject({ path: '/in?token=t0ken', headers: { 'content-type': 'application/json; charset=utf-8' } });
    }
    expect(new Set(got.map(({ headers }) => headers['webhook-id'])).size).toBe(3);
    await eventually(async () =>
      expect((await outboxRows()).map((row) => [row.state, row.webhook, row.kind])).toEqual(
        Array.from({ length: 3 }, () => ['sent', '127.0.0.1', 'event']),
      ),
    );
  });

  test('has posts and mails of one event, and neither waits for the other', async () => {
    const sink = await startSink();
    status(503);
    const alerter = b.alerter(`smtp://${sink.at}?tls=none`, {}, env());
    await b.event({});
    await eventually(() => expect(sink.mails).toHaveLength(1));
    await eventually(() => expect(alerter.service.waitingFor()).toMatch(/^webhook 127\.0\.0\.1: .* status 503; 1 post waits$/));
    answer = null;
    b.later(31);
    await eventually(async () => expect((await outboxRows()).map((row) => row.state)).toEqual(['sent', 'sent']));
    await eventually(() => expect(alerter.service.waitingFor()).toBeNull());
    expect(sink.mails).toHaveLength(1);
    const [first, second] = got as [Posted, Posted];
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
    expect(second.body).toBe(first.body);
    expect(verify(second, SECRET)).toBe(true);
    expect(alerter.logged.join('')).not.toMatch(/t0ken|a secret of/);
    await sink.stop();
  });

  test('is asked again when it wants to be, and given up when it refuses or redirects', async () => {
    let where = '';
    status(429, { 'retry-after': '600' });
    b.alerter(null, {}, env());
    await b.event({ domain: 'limited.example' });
    await eventually(async () => expect(await outboxRows()).toMatchObject([{ state: 'pending', attempts: 1 }]));
    expect((await outboxRows())[0].next_at).toEqual(new Date(b.now.getTime() + 600_000));
    answer = (posted, response) => {
      where = posted.path;
      response.writeHead(308, { location: `http://${at}/elsewhere` }).end();
    };
    b.later(11);
    await eventually(async () => expect(await outboxRows()).toMatchObject([{ state: 'failed', attempts: 2 }]));
    expect((await outboxRows())[0].last_error).toContain('redirects (308), which is not followed');
    expect(where).toBe('/in?token=t0ken');
    status(401);
    await b.event({ domain: 'refused.example' });
    await eventually(async () => expect((await outboxRows())[1]).toMatchObject({ state: 'failed', attempts: 1 }));
    expect((await outboxRows())[1].last_error).toContain('refuses it with status 401');
    expect(got).toHaveLength(3);
  });

  test('is not told what persons want silence about', async () => {
    const known = await b.event({ domain: 'known.example' });
    await acknowledge(b.db, known, { by: 'Ada', why: 'known' }, b.now);
    await b.event({ domain: 'other.example' });
    b.alerter(null, {}, env());
    await eventually(() => expect(got).toHaveLength(1));
    await eventually(async () =>
      expect((await b.db.query('select from ruawatch.finding_events where posted_at is null')).rows).toEqual([]),
    );
    expect(JSON.parse(got[0]!.body).data.domain).toBe('other.example');
  });

  test('gets each event once from several alerters, and what waits for one that is gone is given up', async () => {
    for (let i = 0; i < 20; i++) await b.event({ domain: `d${i}.example` });
    const alerters = [b.alerter(null, {}, env()), b.alerter(null, {}, env()), b.alerter(null, {}, env())];
    await eventually(async () => expect((await outboxRows()).filter((row) => row.state === 'sent')).toHaveLength(20));
    expect(got).toHaveLength(20);
    status(500);
    await b.event({ domain: 'last.example' });
    await eventually(async () => expect((await outboxRows())[20]).toMatchObject({ state: 'pending' }));
    for (const alerter of alerters) await alerter.stop();
    b.alerter(null, {}, {}, (config) => {
      config.webhooks = loadConfig(env({ WEBHOOK_URL: `http://localhost:${at.split(':')[1]}/` }), '/nowhere').webhooks;
    });
    await eventually(async () =>
      expect((await outboxRows())[20]).toMatchObject({
        state: 'failed',
        last_error: 'Its webhook is no longer among the settings.',
      }),
    );
  });

  test('a crash between the answer and the commit repeats the same bytes under the same id', async () => {
    let broken = false;
    answer = async (_, response) => {
      if (!broken) {
        broken = true;
        await b.db.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'alerter' and state = 'idle in transaction' and datname = current_database()",
        );
      }
      response.writeHead(200).end();
    };
    await b.event({});
    b.alerter(null, {}, env());
    await eventually(async () => expect(await outboxRows()).toMatchObject([{ state: 'sent' }]));
    expect(got).toHaveLength(2);
    expect([got[1]!.body, got[1]!.headers['webhook-id']]).toEqual([got[0]!.body, got[0]!.headers['webhook-id']]);
  });
});

describe('a Slack webhook', () => {
  test('gets a text in which nothing is a link or a mention', async () => {
    b.alerter(null, {}, env({ WEBHOOK_FORMAT: 'slack' }));
    await b.event({ domain: 'x.example', summary: '<!channel> & <https://evil.example|click>' });
    await eventually(() => expect(got).toHaveLength(1));
    const { text, ...rest } = JSON.parse(got[0]!.body);
    expect(rest).toEqual({});
    expect(text.split('\n')[0]).toBe('*High: x.example: &lt;!channel&gt; &amp; &lt;https[:]//evil.example|click&gt;*');
    expect(text).toContain('How many: 1,610 of 12,400 messages of the domain (13%): 1,500 delivered');
    expect(text).not.toMatch(/[<>]|:\/\//);
  });

  test('gets the gravest alone and the rest in one text when there are more than the hour has room for', async () => {
    for (let i = 0; i < 14; i++) await b.event({ domain: `d${i}.example`, severity: i === 9 ? 'critical' : 'low' });
    b.alerter(null, { per_hour: 3 }, env({ WEBHOOK_FORMAT: 'slack' }));
    await eventually(() => expect(got).toHaveLength(3));
    const texts = got.map(({ body }) => JSON.parse(body).text as string);
    expect(texts[0]).toMatch(/^\*Critical: d9\.example/);
    expect(texts[2]).toMatch(/^\*12 findings in 12 domains, combined\*\n/);
    expect(texts[2]).toMatch(/\nand 2 more: "ruawatch findings"/);
    expect(texts[2]!.split('\n')).toHaveLength(12);
    expect((await outboxRows()).map((row) => row.kind)).toEqual(['event', 'event', 'events']);
  });
});

describe.skipIf(which('openssl') === null)('TLS (needs openssl)', () => {
  test('a certificate that is not trusted gets nothing, and doctor says so', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-hook-'));
    // biome-ignore format: one option and its value a line
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
      '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', 'key', '-out', 'cert'],
      { cwd: folder, stdio: 'ignore' });
    let asked = 0;
    const names: string[] = [];
    const key = readFileSync(path.join(folder, 'key'));
    const cert = readFileSync(path.join(folder, 'cert'));
    const SNICallback = (name: string, done: (error: Error | null) => void) => {
      names.push(name);
      done(null);
    };
    const tls = createTlsServer({ key, cert, SNICallback }, (_, response) => {
      asked++;
      response.writeHead(204).end();
    });
    const place = await listen(tls);
    const hook = { name: 'tls', url: `https://${place}/t0ken`, format: 'json' as const, key: null };
    await expect(post(hook, 'id', NOTHING, new Date())).rejects.toThrow(
      /^The webhook tls cannot be reached: its certificate is self-signed\.$/,
    );
    await expect(checkWebhook(hook)).rejects.toThrow(/^127\.0\.0\.1 cannot be reached: its certificate is self-signed\.$/);
    // An address is no name to ask for (RFC 6066 section 3); a name is.
    expect(names).toEqual([]);
    await expect(checkWebhook({ ...hook, url: hook.url.replace('127.0.0.1', 'localhost') })).rejects.toThrow(
      /its certificate is self-signed/,
    );
    expect(names).toEqual(['localhost']);
    expect(asked).toBe(0);
    tls.close();
    rmSync(folder, { recursive: true });
  });
});

test('doctor posts nothing', async () => {
  const [hook] = loadConfig(env(), '/nowhere').webhooks;
  expect(await checkWebhook(hook!)).toBe('127.0.0.1 answers; format json, signed; nothing was posted');
  expect(got).toEqual([]);
  server.close();
  server.closeAllConnections();
  await expect(checkWebhook(hook!)).rejects.toThrow(
    /^127\.0\.0\.1 cannot be reached: nothing listens at 127\.0\.0\.1:\d+ \(ECONNREFUSED\)\.$/,
  );
  await expect(post(hook!, 'id', NOTHING, new Date())).rejects.toMatchObject({
    message: expect.stringMatching(/^The webhook 127\.0\.0\.1 cannot be reached: nothing listens at /),
    code: 'webhook_down',
    wait: 0,
    cause: expect.any(Error),
  });
});

test('a check leaves no connection, and says what it lacks', async () => {
  const [hook] = loadConfig(env(), '/nowhere').webhooks;
  await checkWebhook(hook!);
  const connections = () => new Promise<number>((resolve) => server.getConnections((_, n) => resolve(n)));
  await eventually(async () => expect(await connections()).toBe(0));
  const refused = (url: string) => checkWebhook({ ...hook!, url });
  // The ports of the schemes.
  await expect(refused('http://127.93.0.1/')).rejects.toThrow('nothing listens at 127.93.0.1:80 (ECONNREFUSED)');
  await expect(refused('https://127.93.0.1/')).rejects.toThrow('nothing listens at 127.93.0.1:443 (ECONNREFUSED)');
  const name = `${'a'.repeat(60)}.${'b'.repeat(60)}.invalid`;
  const error = (await refused(`http://${name}/`).catch((thrown: unknown) => thrown)) as Error;
  expect(error).toMatchObject({ code: 'webhook_down', transient: true, cause: expect.any(Error) });
  const [, host, why] = /^(.*) cannot be reached: (the name .*)\.$/.exec(error.message)!;
  expect(host).toBe(`${name.slice(0, 79)}…`);
  expect(why).toContain(name);
});

test('a receiver that does not answer is waited for 15 seconds', async () => {
  const silent = createSilentServer();
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const url = `https://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
  const hook = { name: 'ops', url, format: 'json' as const, key: null };
  const waits: number[] = [];
  const quick = vi.spyOn(Socket.prototype, 'setTimeout').mockImplementation(function (this: Socket, ms, ended) {
    if (ended) {
      waits.push(ms);
      setImmediate(ended);
    }
    return this;
  });
  await expect(checkWebhook(hook)).rejects.toThrow('127.0.0.1 cannot be reached: it does not answer in time.');
  expect(waits).toEqual([15_000]);
  quick.mockRestore();
  const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(AbortSignal.abort(new DOMException('x', 'TimeoutError')));
  await expect(post(hook, 'id', NOTHING, b.now)).rejects.toThrow(
    'The webhook ops cannot be reached: it does not answer in time.',
  );
  expect(timeout).toHaveBeenCalledWith(15_000);
  vi.restoreAllMocks();
  silent.close();
});

test('by its status a post is taken, put off or refused, and Retry-After counts up to an hour', async () => {
  const [hook] = loadConfig(env(), '/nowhere').webhooks;
  const outcome = async (code: number, after?: string) => {
    status(code, after === undefined ? {} : { 'retry-after': after });
    try {
      await post(hook!, 'id', NOTHING, b.now);
      return 'taken';
    } catch (error) {
      return error instanceof WebhookDown ? error.wait : (error as { code: string }).code;
    }
  };
  for (const code of [200, 202, 299]) expect(await outcome(code), `${code}`).toBe('taken');
  for (const code of [300, 302, 399, 400, 404, 410, 499]) expect(await outcome(code), `${code}`).toBe('webhook_refused');
  for (const code of [408, 425, 429, 500, 503]) expect(await outcome(code), `${code}`).toBe(0);
  expect(await outcome(429, '0')).toBe(0);
  expect(await outcome(503, '3599')).toBe(3_599_000);
  expect(await outcome(503, '7200')).toBe(3_600_000);
  expect(await outcome(503, '999999999')).toBe(3_600_000);
  for (const odd of ['1e9', '-1', '1.5', '9999999999', 'Fri, 31 Dec 1999 23:59:59 GMT'])
    expect(await outcome(503, odd), odd).toBe(0);
  expect(got[0]!.headers).toMatchObject({ 'user-agent': 'ruawatch', 'webhook-id': 'id', 'webhook-timestamp': '1791273600' });
});

test.each([
  [300, 'redirects (300), which is not followed: put the address it moved to in its url.'],
  [399, 'redirects (399), which is not followed: put the address it moved to in its url.'],
  [400, 'refuses it with status 400: correct its url, format or secret.'],
  [499, 'refuses it with status 499: correct its url, format or secret.'],
  [500, 'puts it off: status 500.'],
])('what is said of a post with status %i names what to do', async (code, said) => {
  const [hook] = loadConfig(env(), '/nowhere').webhooks;
  status(code, {});
  await expect(post(hook!, 'id', NOTHING, b.now)).rejects.toThrow(`The webhook ${hook!.name} ${said}`);
});

test('without a secret nothing is signed', async () => {
  const [hook] = loadConfig(env({ WEBHOOK_SECRET: '' }), '/nowhere').webhooks;
  await post({ ...hook!, key: null }, 'id', NOTHING, b.now);
  expect(got[0]!.headers['webhook-signature']).toBeUndefined();
  expect(await checkWebhook({ ...hook!, key: null })).toContain('not signed (no secret)');
});

test('an answer that does not end holds no connection', async () => {
  let closed = false;
  answer = (_, response) => {
    response.on('close', () => {
      closed = true;
    });
    response.writeHead(200).write('the beginning of an answer');
  };
  const [hook] = loadConfig(env(), '/nowhere').webhooks;
  await post(hook!, 'id', NOTHING, b.now);
  await eventually(() => expect(closed).toBe(true));
});
