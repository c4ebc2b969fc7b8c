import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createGunzip, createInflate } from 'node:zlib';
import { messageOf } from '../../shared/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { type LogSource, tokenHash } from '../../store/sending/sources.ts';
import { BodyError, linesOfBody } from './json.ts';
import { cutLines } from './lines.ts';
import { listening } from './listening.ts';
import { isUnstorable, type Writer } from './writer.ts';

/** Bytes of a request as it came, and unpacked. Vector's largest batch is 10 MB, Fluent Bit's chunk 2 MB. */
const MOST_BYTES = 16 * 1024 * 1024;
const MOST_UNPACKED = 64 * 1024 * 1024;
const MOST_CONNECTIONS = 200;
/** Requests that are read at once: each may hold its unpacked body. */
const MOST_AT_ONCE = 4;
const REQUEST_MS = 60_000;
const HEADERS_MS = 15_000;
const RETRY_SECONDS = 10;
/** Wrong tokens of one address in a minute, before it is refused without a look. */
const MOST_WRONG = 20;

export interface HttpMeans {
  writer: Writer;
  /** The source of a token, by its hash; null: there was none a moment ago. */
  sourceOf(tokenSha256: string): LogSource | null;
  /** The same, from the store: the source may be new. */
  newSourceOf(tokenSha256: string): Promise<LogSource | null>;
  maxLineBytes: number;
  now(): Date;
  log: Log;
  count(outcome: 'taken' | 'refused' | 'unauthorized' | 'busy' | 'failed'): void;
}

export interface HttpIntake {
  port: number;
  close(): Promise<void>;
}

/** A refusal with its status (RFC 9110). */
class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Takes lines over HTTP: POST or PUT of any path, with `Authorization: Bearer TOKEN` (or the token as the
 * password of Basic). 204 means that the lines are stored; 429 and 503, with Retry-After, that they are to be
 * sent again.
 */
export async function listenHttp(
  { host, port, tls }: { host: string; port: number; tls: { cert: Buffer; key: Buffer } | null },
  means: HttpMeans,
): Promise<HttpIntake> {
  const state = { active: 0, wrong: new Map<string, number>(), minute: 0 };
  const onRequest = (request: IncomingMessage, response: ServerResponse) => void answer(request, response, means, state);
  const server: Server = tls === null ? createServer(onRequest) : createTlsServer(tls, onRequest);
  server.maxConnections = MOST_CONNECTIONS;
  server.requestTimeout = REQUEST_MS;
  server.headersTimeout = HEADERS_MS;
  server.maxHeadersCount = 64;
  const bound = await listening(server, { port, host });
  return {
    port: bound,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await closed;
    },
  };
}

interface State {
  active: number;
  /** Wrong tokens in this minute, by address. */
  wrong: Map<string, number>;
  minute: number;
}

async function answer(request: IncomingMessage, response: ServerResponse, means: HttpMeans, state: State): Promise<void> {
  request.on('error', () => response.destroy());
  try {
    const source = await authorized(request, means, state);
    if (request.method !== 'POST' && request.method !== 'PUT') throw new Refused(405, 'Send lines with POST.');
    if (means.writer.full || state.active >= MOST_AT_ONCE) throw new Refused(429, 'Others are being read: send it again later.');
    state.active++;
    try {
      const body = await bodyOf(request);
      const { raws, over } = linesOfBody(body, { now: means.now().getTime() });
      if (over > 0) throw new Refused(413, 'The request has too many records: send fewer at once.');
      await means.writer.take(source, cutLines(raws, means.maxLineBytes));
    } finally {
      state.active--;
    }
    means.count('taken');
    end(response, 204, '');
  } catch (error) {
    refuse(response, error, means);
    // What is still on its way is not read.
    if (!request.complete) response.once('finish', () => request.destroy());
  }
}

function refuse(response: ServerResponse, error: unknown, { count, log }: HttpMeans): void {
  if (error instanceof Refused) {
    count(error.status === 401 ? 'unauthorized' : error.status === 429 ? 'busy' : 'refused');
    end(response, error.status, error.message);
  } else if (error instanceof BodyError) {
    count('refused');
    end(response, 400, error.message);
  } else {
    const later = !isUnstorable(error);
    count(later ? 'busy' : 'failed');
    if (!later) log.error({ err: messageOf(error) }, 'a request with lines could not be stored, and repeating it will not help');
    end(response, later ? 503 : 400, later ? 'The lines were not stored: send them again.' : 'The lines cannot be stored.');
  }
}

function end(response: ServerResponse, status: number, message: string): void {
  if (response.headersSent || response.destroyed) return;
  if (status === 429 || status === 503) response.setHeader('retry-after', String(RETRY_SECONDS));
  if (status === 401) response.setHeader('www-authenticate', 'Bearer');
  if (status >= 400) response.setHeader('connection', 'close');
  response.writeHead(status, message === '' ? {} : { 'content-type': 'text/plain; charset=utf-8' });
  response.end(message === '' ? undefined : `${message}\n`);
}

async function authorized(request: IncomingMessage, means: HttpMeans, state: State): Promise<LogSource> {
  const minute = Math.floor(means.now().getTime() / 60_000);
  if (minute !== state.minute) {
    state.minute = minute;
    state.wrong.clear();
  }
  const address = request.socket.remoteAddress ?? '';
  const wrong = state.wrong.get(address) ?? 0;
  if (wrong >= MOST_WRONG) throw new Refused(429, 'Too many wrong tokens: wait a minute.');
  const token = tokenOf(request.headers.authorization ?? '');
  const source = token === null ? null : means.sourceOf(tokenHash(token));
  if (source !== null) return source;
  // Counted before the store is asked, which strangers must not keep busy.
  state.wrong.set(address, wrong + 1);
  const added = token === null ? null : await means.newSourceOf(tokenHash(token));
  if (added !== null) {
    state.wrong.set(address, Math.max(0, (state.wrong.get(address) ?? 0) - 1));
    return added;
  }
  throw new Refused(401, 'Send the token of a source: "ruawatch logs sources add" makes one.');
}

function tokenOf(header: string): string | null {
  const bearer = /^Bearer +(\S+) *$/i.exec(header)?.[1];
  if (bearer !== undefined) return bearer;
  const basic = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(header)?.[1];
  if (basic === undefined) return null;
  const pair = Buffer.from(basic, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1) || null;
}

/** The body as text, unpacked; at no time more of it is held than may be. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').toLowerCase();
  if (Number(request.headers['content-length'] ?? 0) > MOST_BYTES) throw new Refused(413, 'The request is too large.');
  const unpack = encoding === 'gzip' ? createGunzip() : encoding === 'deflate' ? createInflate() : null;
  if (unpack === null && encoding !== 'identity') throw new Refused(415, 'Send it uncompressed, or compressed with gzip.');
  let came = 0;
  let size = 0;
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => {
    came += chunk.length;
    if (came > MOST_BYTES) request.destroy(new Refused(413, 'The request is too large.'));
  });
  const stream = unpack === null ? request : request.pipe(unpack);
  if (unpack !== null) request.on('error', (error) => unpack.destroy(error));
  try {
    for await (const chunk of stream) {
      size += (chunk as Buffer).length;
      if (size > MOST_UNPACKED) throw new Refused(413, 'The request is too large when it is unpacked.');
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused(400, 'The request broke off, or is not packed as it says.');
  }
  return Buffer.concat(chunks).toString('utf8');
}
