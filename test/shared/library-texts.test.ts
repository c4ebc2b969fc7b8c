import { execFileSync } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { connect as connectTls, createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { Redis } from 'ioredis';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { connectionFailure, isTransient, messageOf } from '../../services/shared/errors.ts';
import { meaningOf, speaksTls } from '../../services/shared/library-texts.ts';
import { authority } from '../helpers/certificates.ts';
import { redisProgram, startRedis } from '../helpers/services.ts';

const MODULES = path.resolve(import.meta.dirname, '../../node_modules');

/** A package, the text it throws, the part of it that its source contains, and what is said instead. */
const OF_PACKAGES: readonly [string, string, string, string][] = [
  ['pg', 'Connection terminated unexpectedly', 'Connection terminated unexpectedly', 'the connection to Postgres was lost'],
  ['pg', 'Connection terminated', "'Connection terminated'", 'the connection to Postgres was lost'],
  [
    'pg',
    'Client was closed and is not queryable',
    'Client was closed and is not queryable',
    'the connection to Postgres was lost',
  ],
  [
    'pg',
    'Client has encountered a connection error and is not queryable',
    'Client has encountered a connection error and is not queryable',
    'the connection to Postgres was lost',
  ],
  ['pg', 'timeout expired', 'timeout expired', 'Postgres did not answer in time'],
  ['pg', 'Query read timeout', 'Query read timeout', 'Postgres did not answer a query in time'],
  [
    'pg',
    'The server does not support SSL connections',
    'The server does not support SSL connections',
    'Postgres does not support SSL connections',
  ],
  [
    'pg',
    'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string',
    'client password must be a string',
    'Postgres demands a password, and the URL has none',
  ],
  [
    'pg-pool',
    'timeout exceeded when trying to connect',
    'timeout exceeded when trying to connect',
    'Postgres did not answer in time, or all connections were in use',
  ],
  [
    'pg-pool',
    'Connection terminated due to connection timeout',
    'Connection terminated due to connection timeout',
    'Postgres did not answer in time',
  ],
  ['pg-pool', 'Cannot use a pool after calling end on the pool', 'Cannot use a pool after calling end', 'ruawatch is stopping'],
  [
    'ioredis',
    'Reached the max retries per request limit (which is 1). Refer to "maxRetriesPerRequest" option for details.',
    'Reached the max retries per request limit',
    'Redis does not answer',
  ],
  [
    'ioredis',
    "Socket timeout. Expecting data, but didn't receive any in 30000ms.",
    'Socket timeout. Expecting data',
    'it accepts connections and answers nothing',
  ],
  ['ioredis', 'Command timed out', 'Command timed out', 'it accepts connections and answers nothing'],
  ['ioredis', 'Connection is closed.', 'Connection is closed.', 'it closes the connection'],
  [
    'ioredis',
    "Stream isn't writeable and enableOfflineQueue options is false",
    "Stream isn't writeable and enableOfflineQueue",
    'Redis is not connected',
  ],
  [
    'ioredis',
    'Protocol error, got "H" as reply type byte. Please report this.',
    'Please report this.',
    'what answers there is no Redis',
  ],
  ['bullmq', 'Missing lock for job 12. moveToFinished', 'Missing lock for job', 'another worker has taken or finished the job'],
  ['bullmq', 'Missing key for job 12. moveToFinished', 'Missing key for job', 'another worker has taken or finished the job'],
  ['imapflow', 'Connection not available', 'Connection not available', 'it was closed'],
  ['imapflow', 'Connection closed', 'Connection closed', 'it was closed'],
  ['imapflow', 'Socket is already closed', 'Socket is already closed', 'it was closed'],
  ['imapflow', 'Unexpected close', 'Unexpected close', 'the server closed it'],
  ['imapflow', 'Socket timeout', 'Socket timeout', 'no answer came in time'],
  ['imapflow', 'Command failed', 'Command failed', 'the server refused a command'],
  [
    'imapflow',
    'Failed to receive greeting from server in required time',
    'Failed to receive greeting from server in required time',
    'the server sends no greeting',
  ],
  [
    'imapflow',
    'Unexpected char at position 5 [E13: "\\u0000"]',
    'Unexpected char at position ',
    'the server sends what is no IMAP',
  ],
  ['nodemailer', 'Greeting never received', 'Greeting never received', 'it sends no greeting'],
  ['nodemailer', 'Connection timeout', 'Connection timeout', 'it does not answer'],
  ['nodemailer', 'Connection closed unexpectedly', 'Connection closed unexpectedly', 'it closed the connection'],
];

const contains = (name: string, fragment: string) => {
  try {
    execFileSync('grep', ['-rqF', '--include=*.js', '--include=*.cjs', '--', fragment, path.join(MODULES, name)]);
    return true;
  } catch {
    return false;
  }
};

test.each(OF_PACKAGES)('%s: %s', (name, text, fragment, meaning) => {
  expect(contains(name, fragment), `${name} has this text`).toBe(true);
  expect(text).toContain(fragment.replaceAll("'Connection terminated'", 'Connection terminated'));
  expect(messageOf(new Error(text))).toBe(meaning);
});

test.each([
  ['terminating connection due to administrator command', 'Postgres was stopped, or an administrator ended the session'],
  ['terminating connection because of crash of another server process', 'Postgres crashed and starts again'],
  ['the database system is starting up', 'Postgres is starting'],
  ['the database system is in recovery mode', 'Postgres is starting'],
  ['the database system is shutting down', 'Postgres is stopping'],
  ['cannot execute INSERT in a read-only transaction', 'Postgres is a standby or read-only, and changes nothing'],
  ['remaining connection slots are reserved for roles', 'Postgres has no connection free (max_connections)'],
  ['LOADING Redis is loading the dataset in memory', 'Redis is still loading its data'],
  ['MISCONF Redis is configured to save RDB snapshots, but it', 'Redis cannot write to its disk, and changes nothing'],
  ['MASTERDOWN Link with MASTER is down and', 'Redis is a replica that has lost its master'],
  ['read ECONNRESET', 'the connection was cut (ECONNRESET)'],
  ['write EPIPE', 'the connection was cut (EPIPE)'],
  ['read ECONNABORTED', 'the connection was cut (ECONNABORTED)'],
  ['connect ECONNRESET 127.0.0.1:6379', 'the connection was cut (ECONNRESET)'],
  ['connect ECONNREFUSED 127.0.0.1:5432', 'nothing listens at 127.0.0.1:5432 (ECONNREFUSED)'],
  ['connect ECONNREFUSED /run/postgresql/.s.PGSQL.5432', 'nothing listens at /run/postgresql/.s.PGSQL.5432 (ECONNREFUSED)'],
  ['recvmsg ECONNREFUSED', 'nothing listens there (ECONNREFUSED)'],
  ['connect ENOENT /run/postgresql/.s.PGSQL.5432', 'there is no socket /run/postgresql/.s.PGSQL.5432 (ENOENT)'],
  ['connect EACCES /run/redis.sock', 'this user may not connect to /run/redis.sock (EACCES)'],
  ['connect ETIMEDOUT 192.0.2.1:25', '192.0.2.1:25 does not answer (ETIMEDOUT)'],
  ['read ETIMEDOUT', 'it does not answer (ETIMEDOUT)'],
  ['connect EHOSTUNREACH 192.0.2.1:993', 'no way leads to 192.0.2.1:993 (EHOSTUNREACH)'],
  ['connect ENETUNREACH 2001:db8::1:993 - Local (:::0)', 'no way leads to 2001:db8::1:993 (ENETUNREACH)'],
  ['getaddrinfo ENOTFOUND db.invalid', 'the name db.invalid does not exist (ENOTFOUND)'],
  ['getaddrinfo EAI_AGAIN db', 'the name db cannot be looked up at present (EAI_AGAIN)'],
  ['listen EADDRINUSE: address already in use 127.0.0.1:9464', 'another program listens at 127.0.0.1:9464 (EADDRINUSE)'],
  ['listen EACCES: permission denied 0.0.0.0:25', 'this user may not listen at 0.0.0.0:25 (EACCES)'],
  ['ENOSPC: no space left on device, write', 'the disk is full (ENOSPC)'],
  ["EACCES: permission denied, open '/etc/shadow'", 'this user may not use /etc/shadow (EACCES)'],
  ["EROFS: read-only file system, mkdir '/x/y'", '/x/y is on a file system that is read-only (EROFS)'],
  ['EISDIR: illegal operation on a directory, read', 'it is a folder and no file (EISDIR)'],
  ["EXDEV: cross-device link not permitted, rename 'a' -> 'b'", "EXDEV: cross-device link not permitted, rename 'a' -> 'b'"],
  ['spawn pg_dump ENOENT', 'there is no program pg_dump (ENOENT)'],
  ['could not extend file "base/5/16385": No space left on device', 'the disk of Postgres is full'],
  ['too many connections for role "ruawatch"', 'Postgres allows this user or database no more connections (connection limit)'],
  ['terminating connection due to idle-in-transaction timeout', 'Postgres ended the session, which was idle too long'],
  ['canceling statement due to lock timeout', 'Postgres waited too long for a lock (lock_timeout)'],
  ['query_wait_timeout', 'pgbouncer has no connection free'],
  ['no more connections allowed (max_client_conn)', 'pgbouncer has no connection free'],
  ['ERR max number of clients reached', 'Redis has no connection free (maxclients)'],
  [
    'DENIED Redis is running in protected mode because protected mode is enabled',
    'Redis is in protected mode, and takes no connection from another machine',
  ],
  ['MOVED 3999 127.0.0.1:6381', 'it is a cluster of Redis, and the queue needs a single server'],
  ['NOREPLICAS Not enough good replicas to write.', 'Redis has too few replicas to change anything (min-replicas-to-write)'],
  [
    "ERR Error running script (call to f_1): @user_script:14: @user_script: 14: -READONLY You can't write against a read only replica.",
    'Redis is a replica, which changes nothing',
  ],
  [
    "ERR Error running script (call to f_1): @user_script:3: @user_script: 3: -OOM command not allowed when used memory > 'maxmemory'.",
    'Redis has reached its maxmemory',
  ],
])('a server or Node: %s', (text, meaning) => {
  expect(meaningOf(text)).toBe(meaning);
});

test('what is not listed stays, also beside what is', () => {
  expect(messageOf(new Error('storing failed', { cause: new Error('Connection terminated') }))).toBe(
    'storing failed: the connection to Postgres was lost',
  );
  expect(meaningOf('relation "t" does not exist')).toBe('relation "t" does not exist');
});

/** A port that accepts connections and does with them as it is told. */
async function listening(act: (end: () => void) => void): Promise<{ port: number; server: Server }> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    act(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as { port: number }).port, server };
}

const thrown = async (work: Promise<unknown>) => work.then(() => null).catch((error: unknown) => error);

describe('as Node says it', () => {
  const { key: ownKey, pem: cert } = authority('mail.test');
  const key = ownKey.export({ type: 'pkcs8', format: 'pem' });

  const ofTls = (port: number) =>
    thrown(
      new Promise((resolve, reject) => {
        const socket = connectTls({ port, host: '127.0.0.1' }, () => resolve(socket.destroy()));
        socket.on('error', reject);
      }),
    );
  const tlsServer = async (options: TlsOptions) => {
    const server = createTlsServer({ key, cert, ...options }, (socket) => socket.on('error', () => socket.destroy()));
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { port: (server.address() as { port: number }).port, server };
  };
  const plain = (answer: Buffer) =>
    new Promise<{ port: number; server: Server }>((resolve) => {
      const server = createServer((socket) => {
        socket.on('error', () => socket.destroy());
        socket.once('data', () => socket.end(answer));
      });
      server.listen(0, '127.0.0.1', () => resolve({ port: (server.address() as { port: number }).port, server }));
    });
  const OLD = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const;

  test.each<[string, () => Promise<{ port: number; server: Server }>, string, boolean]>([
    ['no TLS', () => plain(Buffer.from('220 hi\r\n')), 'what answers there speaks no TLS', false],
    ['a version too old', () => tlsServer(OLD), 'it knows no version of TLS that is in use here (1.2 or later)', true],
    [
      'a failed handshake',
      () => plain(Buffer.from([21, 3, 3, 0, 2, 2, 40])),
      'it agrees on no cipher, or demands a certificate of ruawatch',
      true,
    ],
    ['an unknown name', () => plain(Buffer.from([21, 3, 3, 0, 2, 2, 112])), 'it has no certificate for this name', true],
    ['its certificate', () => tlsServer({}), 'its certificate is self-signed', false],
  ])('of TLS: %s', async (_, open, meaning, tls) => {
    const { port, server } = await open();
    const error = await ofTls(port);
    expect(messageOf(error)).toBe(meaning);
    expect(speaksTls(error)).toBe(tls);
    server.close();
  });

  test.each([
    ['no HTTP', 'SSH-2.0-x\r\n', 'what answers there is no HTTP'],
    ['an early end', '', 'the connection was closed by the other side'],
  ])('of fetch: %s', async (_, answer, meaning) => {
    const { port, server } = await plain(Buffer.from(answer));
    const error = await thrown(fetch(`http://127.0.0.1:${port}/secret`));
    expect([messageOf(error), connectionFailure(error)]).toEqual([meaning, meaning]);
    server.close();
  });

  test('what has no words is named by its code, without the text', () => {
    const error = Object.assign(new Error('cannot reach https://chat.example/secret'), { code: 'ODD' });
    expect(connectionFailure(new Error('fetch failed', { cause: error }))).toBe('the connection failed (ODD)');
    expect(connectionFailure(new Error('https://chat.example/secret'))).toBe('the connection failed');
    expect(connectionFailure('secret')).toBe('the connection failed');
  });
});

describe('as Postgres and its driver say it', () => {
  const url = process.env.TEST_POSTGRES_URL!;
  const ask = async (config: pg.ClientConfig, sql: string) => {
    const client = new pg.Client({ connectionString: url, ...config });
    client.on('error', () => undefined);
    const error = await thrown(client.connect().then(() => client.query(sql)));
    await client.end().catch(() => undefined);
    return error;
  };
  test.each([
    ['select pg_terminate_backend(pg_backend_pid())', {}, 'Postgres was stopped, or an administrator ended the session', true],
    ['set statement_timeout = 20; select pg_sleep(5)', {}, 'Postgres gave a query up (statement_timeout)', true],
    ['select pg_sleep(1)', { query_timeout: 50 }, 'Postgres did not answer a query in time', true],
    ['begin read only; create table t (n int)', {}, 'Postgres is a standby or read-only, and changes nothing', true],
    ['select 1', { ssl: {} }, 'Postgres does not support SSL connections', false],
  ])('%s', async (sql, config, meaning, transient) => {
    const error = await ask(config, sql);
    expect(messageOf(error)).toBe(meaning);
    expect(isTransient(error)).toBe(transient);
  });

  test('a server that closes at once, and one that says nothing', async () => {
    const closing = await listening((end) => end());
    const silent = await listening(() => undefined);
    const at = (port: number) => ({ connectionString: undefined, host: '127.0.0.1', port, connectionTimeoutMillis: 200 });
    const cut = await ask(at(closing.port), 'select 1');
    expect(messageOf(cut)).toMatch(/^(the connection to Postgres was lost|the connection was cut \(ECONNRESET\))$/);
    expect(isTransient(cut)).toBe(true);
    const slow = await ask(at(silent.port), 'select 1');
    expect([messageOf(slow), isTransient(slow)]).toEqual(['Postgres did not answer in time', true]);
    const pool = new pg.Pool(at(silent.port));
    const late = await thrown(pool.query('select 1'));
    expect(messageOf(late)).toMatch(/^Postgres did not answer in time/);
    expect(isTransient(late)).toBe(true);
    await pool.end();
    expect(messageOf(await thrown(pool.query('select 1')))).toBe('ruawatch is stopping');
    closing.server.close();
    silent.server.close();
  });
});

const missing = redisProgram === null ? ' (SKIPPED: redis-server is not installed)' : '';
describe.skipIf(redisProgram === null)(`as Redis says it${missing}`, () => {
  test.each([
    [['config', 'set', 'requirepass', 'secret'], /^Redis and REDIS_URL differ on whether there is a password$/],
    [['acl', 'setuser', 'default', 'reset', 'on', 'nopass', '~*', '+ping', '+info'], /^the user in REDIS_URL may not do/],
    [['config', 'set', 'maxmemory', '1'], /^Redis has reached its maxmemory$/],
    [['replicaof', '127.0.0.1', '1'], /^Redis is a replica/],
  ])('after %j', async (command, meaning) => {
    const server = await startRedis();
    const admin = new Redis(server.url);
    await admin.call(command[0]!, ...command.slice(1));
    const client = new Redis(server.url, { maxRetriesPerRequest: 0, retryStrategy: () => null, enableReadyCheck: false });
    client.on('error', () => undefined);
    expect(messageOf(await thrown(client.set('a', 'b')))).toMatch(meaning);
    client.disconnect();
    admin.disconnect();
    await server.stop();
  });
});
