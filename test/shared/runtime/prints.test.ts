import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import type { Log } from '../../../services/shared/runtime/log.ts';
import { logPrints } from '../../../services/shared/runtime/prints.ts';
import { testDatabase } from '../../helpers/database.ts';
import { ruawatch } from '../../helpers/process.ts';
import { freePort, redisProgram, startRedis, until } from '../../helpers/services.ts';

let undo: () => void = () => undefined;
afterEach(() => undo());

/** What `print` leads to in the log. */
function logged(print: () => void): unknown[][] {
  const lines: unknown[][] = [];
  undo = logPrints({ warn: (...line: unknown[]) => void lines.push(line) } as unknown as Log);
  print();
  undo();
  return lines;
}

describe('what libraries print', () => {
  test.each(['debug', 'log', 'info', 'warn', 'error'] as const)('console.%s is a line of the log, once', (name) => {
    const print = () => console[name]('a text\n  of two lines', new Error('and its error'));
    const lines = logged(() => {
      print();
      print();
    });
    expect(lines).toEqual([[{ printed: 'a text of two lines Error: and its error' }, 'a library printed a message']]);
  });

  test.each([
    [
      'IMPORTANT! Eviction policy is allkeys-lru. It should be "noeviction"',
      'The Redis in REDIS_URL has maxmemory-policy allkeys-lru, so it may drop jobs when its memory is full: set maxmemory-policy noeviction.',
    ],
    [
      'It is highly recommended to use a minimum Redis version of 6.2.0\n             Current: 6.0.16',
      'The Redis in REDIS_URL has version 6.0.16; 6.2.0 or newer is recommended.',
    ],
    [
      'BullMQ: PostgreSQL 16 or newer is recommended for the PostgreSQL backend (detected 14.11).',
      'The Postgres that jobs are queued on has version 14.11; 16 or newer is recommended.',
    ],
  ])('%s', (print, sentence) => {
    expect(logged(() => console.warn(print))).toEqual([[sentence]]);
  });

  test("Node's warnings are too, and everything is as before afterwards", () => {
    const before = [console.warn, process.listenerCount('warning')];
    const lines = logged(() => void process.emit('warning', new Error('deprecated')));
    expect(lines).toEqual([[{ printed: 'Error: deprecated' }, 'a library printed a message']]);
    expect([console.warn, process.listenerCount('warning')]).toEqual(before);
  });
});

describe.skipIf(redisProgram === null)(
  `the log of a service${redisProgram === null ? ' (SKIPPED: redis-server is not installed)' : ''}`,
  () => {
    const lines = (text: string) =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { level: string; msg: string; err?: string });

    test('is JSON alone beside a Redis that may evict and then goes away, and says why in our words', async () => {
      const [database, redis] = [await testDatabase(), await startRedis()];
      const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-prints-'));
      const client = new Redis(redis.url);
      await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
      client.disconnect();
      const env = { DATABASE_URL: database.url, REDIS_URL: redis.url, LOG_LEVEL: 'debug' };
      const run = ruawatch(['start', 'parser'], env, folder);
      await until(() => run.stderr().includes('maxmemory-policy') || run.child.exitCode !== null);
      await redis.stop();
      await until(() => run.stderr().includes('ECONNREFUSED') || run.child.exitCode !== null);
      run.child.kill('SIGTERM');
      expect((await run.ended).code).toBe(0);
      const said = lines(run.stderr());
      expect(said.filter(({ msg }) => msg.includes('maxmemory-policy allkeys-lru'))).toHaveLength(1);
      expect(said.filter(({ msg }) => msg.startsWith('Redis does not answer at the address in REDIS_URL'))).not.toEqual([]);
      expect(run.stdout()).toBe('');
      expect(run.stderr()).not.toMatch(/max retries|IMPORTANT|Connection is closed/);
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    });

    test('of all services is JSON alone, the link to the console too, while Redis, mailbox and mail server fail', {
      timeout: 120_000,
    }, async () => {
      const [database, redis] = [await testDatabase(), await startRedis()];
      const [port, gone] = [await freePort(), await freePort()];
      const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-prints-'));
      const env = {
        DATABASE_URL: database.url,
        REDIS_URL: redis.url,
        LOG_LEVEL: 'debug',
        IMAP_URL: `imap://u:Hunter2@127.0.0.1:${gone}?tls=none`,
        SMTP_URL: `smtp://u:Hunter2@127.0.0.1:${gone}?tls=none`,
        ALERT_FROM: 'r@example.org',
        ALERT_TO: 'a@example.org',
        CONSOLE_LISTEN: `127.0.0.1:${port}`,
      };
      const run = ruawatch(['start'], env, folder);
      await until(() => run.stderr().includes('Nobody can sign in') || run.child.exitCode !== null);
      for (const asked of ['/', '/link/x', '/%00', '//', '/findings?domain=%ff'])
        await fetch(`http://127.0.0.1:${port}${asked}`, { redirect: 'manual' });
      const client = new Redis(redis.url);
      await client.config('SET', 'maxmemory', '1');
      await until(() => run.stderr().includes('maxmemory') || run.child.exitCode !== null);
      client.disconnect();
      await redis.stop();
      await until(() => run.stderr().includes(`${redis.url.slice(8, -2)} (ECONNREFUSED)`) || run.child.exitCode !== null);
      run.child.kill('SIGTERM');
      expect((await run.ended).code).toBe(0);
      const said = lines(run.stderr());
      expect(said.filter(({ msg }) => /Create the first account: http:\S+\/link\/[\w-]{43}$/.test(msg))).toHaveLength(1);
      expect(
        said.some(({ msg, err }) => msg.startsWith('Redis refuses jobs at') && err === 'Redis has reached its maxmemory'),
      ).toBe(true);
      expect([run.stdout(), run.stderr().includes('Hunter2')]).toEqual(['', false]);
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    });

    test('names what is wrong with a Redis that was never there', async () => {
      const database = await testDatabase();
      const env = { DATABASE_URL: database.url, REDIS_URL: `redis://127.0.0.1:${await freePort()}`, LOG_LEVEL: 'debug' };
      const run = ruawatch(['start', 'parser'], env);
      await until(() => run.stderr().includes('ECONNREFUSED') || run.child.exitCode !== null);
      run.child.kill('SIGKILL');
      await run.ended;
      const whole = run.stderr().slice(0, run.stderr().lastIndexOf('\n'));
      expect(lines(whole).some(({ msg }) => msg.startsWith('Redis does not answer at the address in REDIS_URL'))).toBe(true);
      expect(whole).not.toMatch(/max retries|Connection is closed/);
      await database.drop();
    });
  },
);
