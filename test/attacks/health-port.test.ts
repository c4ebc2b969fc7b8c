import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type HealthServer, serveHealth } from '../../services/shared/runtime/health.ts';
import { createMetrics } from '../../services/shared/runtime/metrics.ts';

/**
 * Whoever reaches the health port can send it anything: none of it is worth a line in the log, a crash, or a
 * connection held.
 */
let server: HealthServer;
let logged: string[];
beforeEach(async () => {
  logged = [];
  const log = pino(
    { level: 'trace' },
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        logged.push(chunk.toString());
        done();
      },
    }),
  );
  server = await serveHealth({ host: '127.0.0.1', port: 0 }, createMetrics(), { ready: async () => [] }, log);
});
afterEach(() => server.close());

/** What comes back on a raw connection until the server ends it. */
function talk(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
    let answer = '';
    socket.on('data', (data) => {
      answer += data.toString('latin1');
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', (error) => ((error as NodeJS.ErrnoException).code === 'ECONNRESET' ? resolve(answer) : reject(error)));
  });
}
const get = (target: string, more = '') => talk(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${more}\r\n`);

test.each([
  '//',
  '///',
  '//livez',
  '/\\',
  '/%',
  '/%zz',
  '/..',
  'http://',
  'http://[',
  '*',
  'http://a:99999/',
  '/livez/',
  '/é',
  '//[::1',
])('a request for %j is a 404 in silence', async (target) => {
  expect(await get(target)).toMatch(/^HTTP\/1\.1 40[04] /);
  expect(logged).toEqual([]);
  expect(await get('/livez')).toMatch(/^HTTP\/1\.1 200 /);
});

test('"//" is a 404', async () => {
  expect(await get('//')).toMatch(/^HTTP\/1\.1 404 /);
});

test.each([
  ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  ['a header of a mebibyte', `GET /livez HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(1 << 20)}\r\n\r\n`],
  ['a path of 100 KB', `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  ['two lengths', 'GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n'],
  ['a tunnel', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a body without an end', 'POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nx'],
])('%s is cut off in silence', async (_, bytes) => {
  expect(await talk(bytes)).not.toMatch(/^HTTP\/1\.1 [25]/);
  expect(logged).toEqual([]);
  expect(await get('/livez')).toMatch(/^HTTP\/1\.1 200 /);
});

test('silent and slow connections end within seconds, and honest ones are answered meanwhile', async () => {
  const began = Date.now();
  const slow = Promise.all([...Array(20)].map((_, i) => talk(i % 2 === 0 ? '' : 'GET /livez HTTP/1.1\r\nHost: x\r\n')));
  expect(await get('/livez')).toMatch(/^HTTP\/1\.1 200 /);
  await slow;
  // Node by itself gives them a minute.
  expect(Date.now() - began).toBeLessThan(50_000);
  expect(logged).toEqual([]);
});

test('honest requests: query, absolute form, HEAD, another method', async () => {
  expect(await get('/livez?x=1')).toMatch(/^HTTP\/1\.1 200 [\s\S]*ok\n/);
  expect(await get('http://x/readyz')).toMatch(/^HTTP\/1\.1 200 [\s\S]*ok\n/);
  expect(await get('/metrics')).toContain('ruawatch_jobs_total');
  expect(await talk('HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\n$/);
  expect(await talk('POST /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 405 /);
});
