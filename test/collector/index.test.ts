import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RunningCollector, startCollector } from '../../services/collector/index.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { addLogSource } from '../../services/store/sending/sources.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { until } from '../helpers/services.ts';
import { linesOf, SOURCE } from './setup.ts';

let t: TestDatabase;
let context: Context;
let collector: RunningCollector;
let token: string;
let folder: string;
let now = new Date('2026-11-27T12:00:00Z');

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-collector-'));
  const make = (name: string, ...args: string[]) =>
    execFileSync(
      'openssl',
      ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, ...args],
      {
        cwd: folder,
        stdio: 'ignore',
      },
    );
  make('ca', '-x509', '-subj', '/CN=authority', '-out', 'ca.crt', '-days', '1');
  make('server', '-x509', '-subj', '/CN=localhost', '-out', 'server.crt', '-days', '1');
  for (const name of ['mail', 'stranger']) {
    make(name, '-subj', `/CN=${name}`, '-out', `${name}.csr`);
    execFileSync(
      'openssl',
      [
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        '-CA',
        'ca.crt',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
        '-out',
        `${name}.crt`,
        '-days',
        '1',
      ],
      { cwd: folder, stdio: 'ignore' },
    );
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(async () => {
  now = new Date('2026-11-27T12:00:00Z');
  t = await testDatabase();
  ({ token } = await addLogSource(t.db, { ...SOURCE, syslog_from: ['127.0.0.1/32'] }));
  context = testContext(t, { clock: { now: () => now } });
  Object.assign(context.config.collector, {
    listen: { host: '127.0.0.1', port: 0 },
    syslogListen: { host: '127.0.0.1', port: 0 },
  });
  collector = await startCollector(context);
});
afterEach(async () => {
  await collector.stop();
  await context.queues.close();
  await t.drop();
});

const send = (body: string | Buffer, headers: Record<string, string> = {}, method = 'POST') =>
  fetch(`http://127.0.0.1:${collector.ports.http}/logs`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    ...(method === 'GET' ? {} : { body: body as string }),
  });
const stored = async () =>
  (await t.db.query<{ lines: { text: string }[] }>('select lines from ruawatch.log_lines order by line_key')).rows.flatMap(
    ({ lines }) => lines,
  );
const days = async () =>
  (await t.db.query('select workload, domain, selector, sent, unsigned from dmarc.sending_days order by selector')).rows;
const LINES = linesOf({ id: 'AAAAA1' });

/** As Fluent Bit sends them: the syslog parser's fields, a time in seconds with a fraction. */
const fluentBit = () =>
  LINES.map((line) => {
    const [, stamp, host, ident, pid, message] = /^(\S+) (\S+) ([^[]+)\[(\d+)\]: (.*)$/.exec(line)!;
    return { date: Date.parse(stamp!) / 1000, host, ident, pid, message };
  });
/** As Vector's kubernetes_logs sends them. */
const vector = () =>
  LINES.map((line) => ({
    file: '/var/log/pods/mail_relay-0_1/postfix/0.log',
    kubernetes: { container_name: 'postfix', pod_name: 'relay-0', pod_namespace: 'mail', pod_labels: { app: 'relay' } },
    message: line,
    source_type: 'kubernetes_logs',
    stream: 'stdout',
    timestamp: '2026-11-27T10:00:00.1Z',
  }));

describe('lines over HTTP', () => {
  test.each<[string, () => string]>([
    ['a JSON array, as Fluent Bit and Vector send it', () => JSON.stringify(fluentBit())],
    [
      'JSON lines',
      () =>
        fluentBit()
          .map((one) => JSON.stringify(one))
          .join('\n'),
    ],
    [
      "JSON without separators, Fluent Bit's json_stream",
      () =>
        fluentBit()
          .map((one) => JSON.stringify(one))
          .join(''),
    ],
    ['Vector from Kubernetes', () => JSON.stringify(vector())],
    [
      'NDJSON from Vector',
      () =>
        vector()
          .map((one) => `${JSON.stringify(one)}\n`)
          .join(''),
    ],
    ['text', () => LINES.join('\r\n')],
    ['CRI lines', () => LINES.map((line) => `2026-11-27T10:00:00.123456789Z stdout F ${line}`).join('\n')],
    [
      'records of Docker',
      () =>
        LINES.map((line) => JSON.stringify({ log: `${line}\n`, stream: 'stdout', time: '2026-11-27T10:00:00.1Z' })).join('\n'),
    ],
  ])('%s', async (_, body) => {
    expect((await send(body())).status).toBe(204);
    expect(await stored()).toHaveLength(6);
    now = new Date('2026-11-27T12:02:01Z');
    await until(async () => (await days()).length > 0);
    expect(await days()).toEqual([{ workload: 'shop', domain: 'example.com', selector: 's1', sent: 1, unsigned: 0 }]);
  });

  test('packed with gzip; the token also as the password of Basic; PUT', async () => {
    const body = gzipSync(JSON.stringify(fluentBit()));
    const basic = `Basic ${Buffer.from(`fluent:${token}`).toString('base64')}`;
    expect((await send(body, { 'content-encoding': 'gzip', authorization: basic }, 'PUT')).status).toBe(204);
    expect(await stored()).toHaveLength(6);
  });

  test('the same request again, as a shipper repeats it that got no answer', async () => {
    for (let n = 0; n < 3; n++) expect((await send(JSON.stringify(fluentBit()))).status).toBe(204);
    now = new Date('2026-11-27T12:02:01Z');
    await until(async () => (await days()).length > 0);
    expect(await days()).toMatchObject([{ sent: 1 }]);
    expect((await send(JSON.stringify(fluentBit()))).status).toBe(204);
    now = new Date('2026-11-27T12:05:01Z');
    await until(async () => (await t.db.query('select from ruawatch.log_open')).rowCount === 0);
    expect(await days()).toMatchObject([{ sent: 1 }]);
  });

  test('a message waits for its window, which a new line begins anew', async () => {
    await send(LINES.slice(0, 3).join('\n'));
    now = new Date('2026-11-27T12:01:30Z');
    await send(LINES.slice(3).join('\n'));
    now = new Date('2026-11-27T12:03:00Z');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await t.db.query('select from ruawatch.sent_messages')).rowCount).toBe(0);
    now = new Date('2026-11-27T12:03:31Z');
    await until(async () => (await days()).length > 0);
  });

  test.each<[string, () => Promise<Response>, number]>([
    ['without a token', () => send('x', { authorization: '' }), 401],
    ['with a wrong one', () => send('x', { authorization: 'Bearer wrong' }), 401],
    ['of another scheme', () => send('x', { authorization: `Digest ${token}` }), 401],
    ['GET', () => send('', {}, 'GET'), 405],
    ['JSON that breaks off', () => send('[{"message":"x"'), 400],
    ['gzip that is none', () => send('hello', { 'content-encoding': 'gzip' }), 400],
    ['gzip that breaks off', () => send(gzipSync('x'.repeat(9_999)).subarray(0, 20), { 'content-encoding': 'gzip' }), 400],
    ['another packing', () => send('x', { 'content-encoding': 'br' }), 415],
    ['a bomb', () => send(gzipSync(Buffer.alloc(70 * 1024 * 1024)), { 'content-encoding': 'gzip' }), 413],
    ['too many records', () => send('\n1'.repeat(10) + '\n"x"'.repeat(50_001)), 413],
  ])('is refused: %s', async (_, request, status) => {
    expect((await request()).status).toBe(status);
    expect(await stored()).toEqual([]);
  });

  test('whoever guesses tokens is refused without a look after twenty, until the minute is over', async () => {
    for (let n = 0; n < 20; n++) expect((await send('x', { authorization: `Bearer wrong${n}` })).status).toBe(401);
    const refused = await send('x', { authorization: 'Bearer wrong' });
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('10');
    now = new Date(now.getTime() + 60_000);
    expect((await send(LINES[0]!)).status).toBe(204);
  });

  test('while the store is away nothing is acknowledged, and the sender is asked to come again', async () => {
    await t.db.query('alter table ruawatch.log_lines rename to gone');
    expect((await send(LINES.join('\n'))).status).toBe(503);
    expect(collector.waitingFor()).toContain('Lines cannot be stored');
    await t.db.query('alter table ruawatch.gone rename to log_lines');
    const blocker = await t.db.connect();
    await blocker.query('begin; lock table ruawatch.log_lines in exclusive mode');
    const answer = send(LINES.join('\n'));
    await until(
      async () =>
        (await t.db.query("select from pg_locks where not granted and relation = 'ruawatch.log_lines'::regclass")).rowCount,
    );
    await t.db.query(
      "select pg_terminate_backend(pid) from pg_locks where not granted and relation = 'ruawatch.log_lines'::regclass",
    );
    const away = await answer;
    expect(away.status).toBe(503);
    expect(away.headers.get('retry-after')).toBe('10');
    await blocker.query('rollback');
    blocker.release();
    expect((await send(LINES.join('\n'))).status).toBe(204);
    expect(await stored()).toHaveLength(6);
    expect(collector.waitingFor()).toBeNull();
  });

  test('a source that was added a moment ago is taken, and is no guess', async () => {
    for (let n = 0; n < 22; n++) {
      const { token: added } = await addLogSource(t.db, { ...SOURCE, name: `new-${n}` });
      expect((await send(LINES[0]!, { authorization: `Bearer ${added}` })).status).toBe(204);
    }
  });

  test('a source that is removed is refused', async () => {
    await t.db.query("update ruawatch.log_sources set token_sha256 = null where name = 'mail'");
    await until(async () => (await send(LINES[0]!)).status === 401);
  });
});

describe('syslog', () => {
  const speak = (octets: Buffer | string) =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(collector.ports.syslog!, '127.0.0.1', () => socket.end(octets));
      socket.once('close', () => resolve());
      socket.once('error', reject);
    });
  const old = LINES.map((line) => line.replace(/^\S+/, '<22>Nov 27 10:00:00'));
  const modern = LINES.map((line) => {
    const [, stamp, host, tag, pid, text] = /^(\S+) (\S+) ([^[]+)\[(\d+)\]: (.*)$/.exec(line)!;
    return `<22>1 ${stamp} ${host} ${tag} ${pid} - [a@1 b="]\\"x"] ${text}`;
  });

  test.each<[string, string]>([
    ['RFC 3164 in lines', old.map((line) => `${line}\n`).join('')],
    ['RFC 5424 in lines', modern.map((line) => `${line}\n`).join('')],
    ['RFC 5424 with octet counting', modern.map((line) => `${Buffer.byteLength(line)} ${line}`).join('')],
    ['RFC 3164 with octet counting', old.map((line) => `${Buffer.byteLength(line)} ${line}`).join('')],
    [
      'both on one connection',
      `${modern
        .slice(0, 3)
        .map((line) => `${Buffer.byteLength(line)} ${line}`)
        .join('')}${old.slice(3).join('\n')}`,
    ],
  ])('%s', async (_, octets) => {
    await speak(octets);
    await until(async () => (await stored()).length === 6);
    now = new Date('2026-11-27T12:02:01Z');
    await until(async () => (await days()).length > 0);
    expect(await days()).toEqual([{ workload: 'shop', domain: 'example.com', selector: 's1', sent: 1, unsigned: 0 }]);
  });

  test('octets that are no lines, and a line of 10 MB, stop nothing', async () => {
    await speak(
      Buffer.concat([
        Buffer.from(Array.from({ length: 4096 }, (_, n) => n % 256)),
        Buffer.from('\n'),
        Buffer.alloc(10 * 1024 * 1024, 'x'),
        Buffer.from('\n99999999 '),
      ]),
    );
    await speak(old.join('\n'));
    await until(async () => (await stored()).length === 6);
  });

  test('an address of no source is refused', async () => {
    await t.db.query("update ruawatch.log_sources set syslog_from = '{192.0.2.0/24}'");
    await until(async () => {
      await speak('');
      return (
        ((await context.metrics.logRequests.get()).values.find(({ labels }) => labels.outcome === 'unauthorized')?.value ?? 0) > 0
      );
    });
    await speak(old.join('\n')).catch(() => undefined);
    expect(await stored()).toEqual([]);
  });

  test('over TLS with a certificate that names the source; a stranger, and one without, is refused', async () => {
    await collector.stop();
    const file = (name: string) => path.join(folder, name);
    Object.assign(context.config.collector, {
      syslogTlsListen: { host: '127.0.0.1', port: 0 },
      tls: { certFile: file('server.crt'), keyFile: file('server.key'), clientCaFile: file('ca.crt') },
    });
    collector = await startCollector(context);
    const over = (name: string | null) =>
      new Promise<void>((resolve) => {
        const own = name === null ? {} : { cert: readFileSync(file(`${name}.crt`)), key: readFileSync(file(`${name}.key`)) };
        const socket = connectTls(
          { port: collector.ports.syslogTls!, host: '127.0.0.1', rejectUnauthorized: false, ...own },
          () => {
            socket.end(old.join('\n'));
          },
        );
        socket.once('close', () => resolve());
        socket.on('error', () => socket.destroy());
      });
    await over(null);
    await over('stranger');
    expect(await stored()).toEqual([]);
    await over('mail');
    await until(async () => (await stored()).length === 6);
  });
});

test('queue ids that wait to be judged are counted, until none does', async () => {
  const counted = (n: number) => until(async () => (await context.metrics.logOpen.get()).values[0]?.value === n);
  expect((await send([...LINES, ...linesOf({ id: 'AAAAA2' })].join('\n'))).status).toBe(204);
  await counted(2);
  now = new Date('2026-11-28T12:00:00Z');
  await counted(0);
  expect((await days()).map(({ sent }) => sent)).toEqual([2]);
});

test('stopping takes nothing more, and waits for lines that are being stored, also of a client that is gone', async () => {
  const url = `http://127.0.0.1:${collector.ports.http}/logs`;
  const order: string[] = [];
  const other = await t.db.connect();
  try {
    await other.query('begin; lock table ruawatch.log_lines');
    const going = new AbortController();
    const headers = { authorization: `Bearer ${token}` };
    const sent = fetch(url, { method: 'POST', headers, body: LINES.join('\n'), signal: going.signal }).catch(() => 'gone');
    await until(async () => (await other.query("select from pg_locks where not granted and locktype = 'relation'")).rowCount);
    going.abort();
    expect(await sent).toBe('gone');
    const stopping = collector.stop().then(() => order.push('stopped'));
    await until(() =>
      fetch(url).then(
        () => false,
        () => true,
      ),
    );
    await other.query('select 1');
    order.push('stored');
    await other.query('commit');
    await stopping;
  } finally {
    other.release();
  }
  expect([order, (await stored()).length]).toEqual([['stored', 'stopped'], LINES.length]);
  collector = await startCollector(context);
});

test('sources of the settings have the token of their file', async () => {
  await collector.stop();
  const file = path.join(folder, 'token');
  writeFileSync(file, 'a-token-of-the-settings\n');
  context.config.collector.sources = [{ ...SOURCE, name: 'of-settings', workload: 'relay', token_file: file }];
  collector = await startCollector(context);
  expect((await send(LINES.join('\n'), { authorization: 'Bearer a-token-of-the-settings' })).status).toBe(204);
  context.config.collector.sources[0]!.token_file = '/nowhere';
  await expect(startCollector(context)).rejects.toThrow('token_file of "of-settings"');
  context.config.collector.sources = [];
  context.config.collector.listen = { host: '127.0.0.1', port: collector.ports.http! };
  await expect(startCollector(context)).rejects.toThrow('Correct collector.listen');
});
