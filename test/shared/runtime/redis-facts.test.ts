import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { redisFacts } from '../../../services/shared/runtime/redis-facts.ts';
import { redisProgram, startRedis } from '../../helpers/services.ts';

test.each([
  ['a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ['a mail server', '220 mail.example ESMTP\r\n'],
  ['an IMAP server', '* OK ready\r\n'],
])('%s at the address in REDIS_URL is said in one sentence', async (_, greeting) => {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => socket.write(greeting));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const error = await redisFacts(`redis://127.0.0.1:${port}`).catch((e: unknown) => e);
  expect((error as Error).message).toMatch(
    /^Redis (?:cannot be used at the address in REDIS_URL \(what answers there is no Redis\): |does not answer at the address in REDIS_URL \(it closes the connection\): start it, )correct REDIS_URL, or unset it to queue on Postgres\.$/,
  );
  await new Promise((resolve) => server.close(resolve));
});

test('a Redis that loads its file is to be waited for', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    const answer = '-LOADING Redis is loading the dataset in memory\r\n';
    socket.on('data', (data) => socket.write(answer.repeat(data.toString('latin1').match(/^\*/gm)?.length ?? 1)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const error = await redisFacts(`redis://127.0.0.1:${port}`).catch((e: unknown) => e);
  expect((error as Error).message).toBe(
    'Redis cannot be used at the address in REDIS_URL (Redis is still loading its data): wait until it has done so.',
  );
  await new Promise((resolve) => server.close(resolve));
});

/** A Redis that says this of itself. */
async function asked(info: string | null) {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    if (info === null) socket.end();
    socket.on('data', (data) => {
      for (const name of data.toString('latin1').match(/^(?:info|select|client|hello)$/gim) ?? [])
        socket.write(/info/i.test(name) ? `$${info!.length}\r\n${info}\r\n` : '+OK\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const facts = await redisFacts(`redis://127.0.0.1:${port}`).catch((error: Error) => error.message);
  // Ends when the client has gone.
  await new Promise((resolve) => server.close(resolve));
  const after = await redisFacts(`redis://127.0.0.1:${port}`).catch((error: Error) => error.message);
  return [facts, String(after).replaceAll(String(port), 'PORT')];
}
const NO_ANSWER = (why: string) =>
  `Redis does not answer at the address in REDIS_URL (${why}): start it, correct REDIS_URL, or unset it to queue on Postgres.`;
const GONE = NO_ANSWER('nothing listens at 127.0.0.1:PORT (ECONNREFUSED)');

test('the version and the policy are those that the server says, if it does', async () => {
  expect(await asked('redis_version:7.2.4\r\nmaxmemory_policy:noeviction')).toEqual([
    { version: '7.2.4', policy: 'noeviction' },
    GONE,
  ]);
  expect(await asked('role:master')).toEqual([{ version: 'of an unknown version', policy: null }, GONE]);
  expect(await asked(null)).toEqual([NO_ANSWER('it closes the connection'), GONE]);
});

test.skipIf(redisProgram === null)(
  `a database that the server lacks, or a wrong password, is an answer${redisProgram === null ? ' (SKIPPED: needs redis-server)' : ''}`,
  async () => {
    const redis = await startRedis();
    const said = (change: (url: URL) => void) => {
      const url = new URL(redis.url);
      change(url);
      return redisFacts(url.href).then(
        () => 'fine',
        (error: Error) => error.message,
      );
    };
    const place = (path: string) => said((url) => void Object.assign(url, { pathname: path }));
    expect([await place('/0'), await place('/15'), await place('')]).toEqual(['fine', 'fine', 'fine']);
    const cannot = (why: string) =>
      `Redis cannot be used at the address in REDIS_URL (${why}): correct REDIS_URL, or unset it to queue on Postgres.`;
    for (const path of ['/16', '/99']) expect(await place(path)).toBe(cannot('it has no database with the number in REDIS_URL'));
    expect(await said((url) => void Object.assign(url, { username: 'u', password: 'wrong' }))).toBe(
      cannot('Redis refuses the user or password in REDIS_URL'),
    );
    await redis.stop();
  },
);
