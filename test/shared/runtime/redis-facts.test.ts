import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { redisFacts } from '../../../services/shared/runtime/redis-facts.ts';

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
    /^Redis does not answer at the address in REDIS_URL \((what answers there is no Redis|it closes the connection)\): start it, correct REDIS_URL, or unset it to queue on Postgres\.$/,
  );
  await new Promise((resolve) => server.close(resolve));
});
