import { connect, createServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { SettingsError } from '../../../services/shared/errors.ts';
import { type HealthServer, serveHealth } from '../../../services/shared/runtime/health.ts';
import type { Log } from '../../../services/shared/runtime/log.ts';
import { createMetrics } from '../../../services/shared/runtime/metrics.ts';

const state = { waits: [] as string[], stuck: [] as string[], measured: 0, fails: false };
const logged: unknown[][] = [];
const log = { error: (...said: unknown[]) => void logged.push(said) } as unknown as Log;
const metrics = createMetrics();
let server: HealthServer;
beforeAll(async () => {
  const health = {
    ready: async () => state.waits,
    stuck: () => state.stuck,
    measure: async () => {
      state.measured++;
      if (state.fails) throw new Error('no database');
    },
  };
  server = await serveHealth({ host: '127.0.0.1', port: 0 }, metrics, health, log);
});
afterAll(() => server.close());
beforeEach(() => {
  Object.assign(state, { waits: [], stuck: [], measured: 0, fails: false });
  logged.length = 0;
});

async function ask(target: string, method = 'GET', port = server.port) {
  const answer = await fetch(`http://127.0.0.1:${port}${target}`, { method });
  return [answer.status, answer.headers.get('content-type'), await answer.text()];
}
/** What a request that is written by hand is answered, up to the end of the connection. */
const raw = (request: string): Promise<string> =>
  new Promise((resolve) => {
    let answer = '';
    const socket = connect(server.port, '127.0.0.1', () => socket.write(request));
    socket.on('data', (data) => {
      answer += data;
    });
    socket.on('close', () => resolve(answer));
  });

test('a process is alive while its loops turn, and ready while nothing is waited for', async () => {
  expect([await ask('/livez'), await ask('/readyz')]).toEqual(Array(2).fill([200, 'text/plain', 'ok\n']));
  Object.assign(state, { waits: ['Postgres does not answer.', 'Redis is full.'], stuck: ['The parser stands.'] });
  expect(await ask('/livez')).toEqual([503, 'text/plain', 'The parser stands.\n']);
  expect(await ask('/readyz')).toEqual([503, 'text/plain', 'Postgres does not answer.\nRedis is full.\n']);
  state.waits = ['One.'];
  expect(await ask('/readyz?verbose#x')).toEqual([503, 'text/plain', 'One.\n']);
});

test('metrics are brought up to date before they are printed, and then alone', async () => {
  const [status, type, text] = await ask('/metrics');
  expect([status, type, state.measured]).toEqual([200, metrics.registry.contentType, 1]);
  expect(text).toBe(await metrics.registry.metrics());
  await ask('/livez');
  await ask('/readyz');
  expect(state.measured).toBe(1);
});

test('what fails is logged with the path, and nothing of it is told', async () => {
  state.fails = true;
  expect(await ask(`/metrics?${'x'.repeat(300)}`)).toEqual([500, 'text/plain', 'failed\n']);
  expect(logged).toEqual([[{ err: 'no database', path: `/metrics?${'x'.repeat(191)}` }, 'a health request failed']]);
});

test('nothing else is there, and nothing is changed', async () => {
  const absent = [404, 'text/plain', 'There is /livez, /readyz and /metrics.\n'];
  expect([await ask('/'), await ask('/livez/x')]).toEqual([absent, absent]);
  expect(await ask('/livez', 'POST')).toEqual([405, 'text/plain', 'GET only\n']);
  expect(await ask('/livez', 'HEAD')).toEqual([200, 'text/plain', '']);
});

test('a request with a body has the last answer of its connection, another may be followed', async () => {
  expect(await raw('GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK\r\n.*close/s);
  expect(await raw('POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')).toMatch(/^HTTP\/1\.1 405 /);
  const two = await raw(
    'GET http://x/livez HTTP/1.1\r\nHost: x\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  );
  expect(two.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
});

test('a loop that nobody watches turns, and gauges that nobody fills are printed', async () => {
  const plain = await serveHealth({ host: '127.0.0.1', port: 0 }, metrics, { ready: async () => [] }, log);
  try {
    expect(await ask('/livez', 'GET', plain.port)).toEqual([200, 'text/plain', 'ok\n']);
    expect((await ask('/metrics', 'GET', plain.port))[0]).toBe(200);
  } finally {
    await plain.close();
  }
});

test('an address that is taken is a mistake in the settings', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  const failure = await serveHealth({ host: '127.0.0.1', port }, metrics, { ready: async () => [] }, log).catch(
    (error: unknown) => error,
  );
  taken.close();
  expect(failure).toBeInstanceOf(SettingsError);
  expect((failure as Error).message).toBe(
    `HTTP_LISTEN 127.0.0.1:${port} cannot be used (another program listens at 127.0.0.1:${port} (EADDRINUSE)): set another address, or "off".`,
  );
});
