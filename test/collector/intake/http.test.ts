import { request } from 'node:http';
import { connect } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type HttpIntake, type HttpMeans, listenHttp } from '../../../services/collector/intake/http.ts';
import { PermanentError, TransientError } from '../../../services/shared/errors.ts';
import { createLog } from '../../../services/shared/runtime/log.ts';
import { type LogSource, tokenHash } from '../../../services/store/sending/sources.ts';

const SOURCE = { name: 'mx' } as unknown as LogSource;
const NEW = { name: 'new' } as unknown as LogSource;
let intake: HttpIntake;
let taken: { source: string; lines: number }[];
let counts: string[];
let full: boolean;
let failure: unknown;
let held: Promise<void> | null;
let asked: number;
let now: Date;

beforeEach(async () => {
  taken = [];
  counts = [];
  full = false;
  failure = null;
  held = null;
  asked = 0;
  now = new Date('2026-11-20T12:00:00Z');
  const means = {
    writer: {
      get full() {
        return full;
      },
      async take(source: LogSource, raws: readonly unknown[]) {
        await held;
        if (failure !== null) throw failure;
        taken.push({ source: source.name, lines: raws.length });
      },
    },
    sourceOf: (hash: string) => (hash === tokenHash('secret') ? SOURCE : null),
    async newSourceOf(hash: string) {
      asked++;
      return hash === tokenHash('fresh') ? NEW : null;
    },
    maxLineBytes: 1_000,
    now: () => now,
    log: createLog('silent'),
    count: (outcome: string) => void counts.push(outcome),
  } as unknown as HttpMeans;
  intake = await listenHttp({ host: '127.0.0.1', port: 0, tls: null }, means);
});
afterEach(() => intake.close());

interface Given {
  method?: string;
  token?: string | null;
  headers?: Record<string, string>;
  body?: Buffer | string;
}
function send({ method = 'POST', token = 'secret', headers = {}, body = '{"message":"a"}\n{"message":"b"}\n' }: Given = {}) {
  return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const all = { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers };
    const asking = request({ host: '127.0.0.1', port: intake.port, method, headers: all, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode!, text, headers: response.headers }));
    });
    asking.on('error', reject);
    asking.end(body);
  });
}

test('lines of a source are taken, and that is all that is said', async () => {
  expect(await send()).toMatchObject({ status: 204, text: '' });
  expect(await send({ method: 'PUT' })).toMatchObject({ status: 204 });
  expect(taken).toEqual([
    { source: 'mx', lines: 2 },
    { source: 'mx', lines: 2 },
  ]);
  expect(counts).toEqual(['taken', 'taken']);
});

test.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['GZIP', gzipSync],
])('packed with %s as well', async (encoding, pack) => {
  expect(await send({ headers: { 'content-encoding': encoding }, body: pack('{"message":"a"}\n') })).toMatchObject({
    status: 204,
  });
  expect(taken).toEqual([{ source: 'mx', lines: 1 }]);
});

describe('whose lines they are', () => {
  test('a token may be the password of Basic', async () => {
    const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    expect((await send({ token: null, headers: basic('anybody:secret') })).status).toBe(204);
    expect((await send({ token: null, headers: basic('secret:') })).status).toBe(401);
    expect((await send({ token: null, headers: { authorization: 'Digest secret' } })).status).toBe(401);
    expect((await send({ token: null, headers: { authorization: 'bearer  secret ' } })).status).toBe(204);
  });

  test('a new source is asked for in the store', async () => {
    expect((await send({ token: 'fresh' })).status).toBe(204);
    expect(taken).toEqual([{ source: 'new', lines: 2 }]);
  });

  test('without a token nothing is taken, and it is said how to get one', async () => {
    const { status, text, headers } = await send({ token: null });
    expect({ status, text }).toEqual({
      status: 401,
      text: 'Send the token of a source: "ruawatch logs sources add" makes one.\n',
    });
    expect(headers).toMatchObject({
      'www-authenticate': 'Bearer',
      connection: 'close',
      'content-type': 'text/plain; charset=utf-8',
    });
    expect(headers['retry-after']).toBeUndefined();
    expect([asked, counts]).toEqual([0, ['unauthorized']]);
  });

  test('after twenty wrong tokens in a minute nobody looks any more; new sources do not count', async () => {
    for (let i = 0; i < 19; i++) expect((await send({ token: `wrong${i}` })).status).toBe(401);
    for (let i = 0; i < 3; i++) expect((await send({ token: 'fresh' })).status).toBe(204);
    expect((await send({ token: 'wrong' })).status).toBe(401);
    const before = asked;
    const { status, text, headers } = await send();
    expect({ status, text }).toEqual({ status: 429, text: 'Too many wrong tokens: wait a minute.\n' });
    expect(headers['retry-after']).toBe('10');
    expect(asked).toBe(before);
    expect(counts.at(-1)).toBe('busy');
    now = new Date(now.getTime() + 60_000);
    expect((await send()).status).toBe(204);
  });
});

describe('is refused, and counted', () => {
  const refused = async (given: Given) => {
    const { status, text, headers } = await send(given);
    expect(headers.connection).toBe('close');
    return `${status} ${text.trim()} ${headers['retry-after'] ?? ''} ${counts.at(-1)}`;
  };

  test('another method', async () => {
    expect(await refused({ method: 'GET', body: '' })).toBe('405 Send lines with POST.  refused');
  });

  test('another packing, or what is not packed as it says', async () => {
    expect(await refused({ headers: { 'content-encoding': 'br' } })).toBe(
      '415 Send it uncompressed, or compressed with gzip.  refused',
    );
    expect(await refused({ headers: { 'content-encoding': 'gzip' } })).toBe(
      '400 The request broke off, or is not packed as it says.  refused',
    );
  });

  test('what grows too large when it is unpacked', async () => {
    const body = gzipSync(Buffer.alloc(64 * 1024 * 1024 + 1, 10));
    expect(await refused({ headers: { 'content-encoding': 'gzip' }, body })).toBe(
      '413 The request is too large when it is unpacked.  refused',
    );
    const exact = gzipSync(Buffer.alloc(64 * 1024 * 1024, 10));
    expect((await send({ headers: { 'content-encoding': 'gzip' }, body: exact })).status).toBe(204);
  });

  test('while too much waits to be stored', async () => {
    full = true;
    expect(await refused({})).toBe('429 Others are being read: send it again later. 10 busy');
  });

  test('while four are being read', async () => {
    let release: () => void = () => undefined;
    held = new Promise((resolve) => {
      release = resolve;
    });
    const all = Array.from({ length: 5 }, () => send());
    // The fifth does not wait for the others.
    expect((await Promise.race(all)).status).toBe(429);
    release();
    expect((await Promise.all(all)).map(({ status }) => status).sort()).toEqual([204, 204, 204, 204, 429]);
    held = null;
    expect((await send()).status).toBe(204);
  });

  test('what the store cannot take now is to be sent again; what it never can is not', async () => {
    failure = new TransientError('away', 'The store is away.');
    expect(await refused({})).toBe('503 The lines were not stored: send them again. 10 busy');
    failure = new PermanentError('x', 'No.');
    expect(await refused({})).toMatch(/^(?:503 .* busy|400 The lines cannot be stored\. {2}failed)$/);
  });

  test('what is said to be too large, before it comes', async () => {
    const said = await new Promise<string>((resolve) => {
      const socket = connect(intake.port, '127.0.0.1', () =>
        socket.write(
          `POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\nContent-Length: ${16 * 1024 * 1024 + 1}\r\n\r\n`,
        ),
      );
      let text = '';
      socket.on('data', (piece) => {
        text += piece;
      });
      socket.on('close', () => resolve(text));
      socket.on('error', () => undefined);
    });
    expect(said).toMatch(/^HTTP\/1\.1 413 [\s\S]*\r\n\r\n[\s\S]*The request is too large\.\n/);
    expect(counts).toEqual(['refused']);
  });
});
