import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** Whether a server program is on this machine; suites that need it are named as skipped when it is not. */
export function which(...names: string[]): string | null {
  for (const name of names) {
    for (const folder of [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/bin', '/usr/local/bin']) {
      const file = path.join(folder, name);
      if (folder !== '' && existsSync(file)) return file;
    }
  }
  return null;
}

export interface RedisServer {
  url: string;
  stop(): Promise<void>;
  /** Kills it and starts it again on the same port, empty. */
  restart(pauseMs?: number): Promise<void>;
  /** FLUSHALL: everything it held is gone. */
  flush(): Promise<void>;
}

export const redisProgram = which('redis-server');

/** A Redis of the test's own on a port the system picks, without persistence. */
export async function startRedis(): Promise<RedisServer> {
  if (!redisProgram) throw new Error('redis-server is not installed');
  const port = await freePort();
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-redis-'));
  let child = await launch(port, folder);
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  };
  return {
    url: `redis://127.0.0.1:${port}/0`,
    async stop() {
      await end();
      process.off('exit', killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
    async restart(pauseMs = 0) {
      await end();
      await wait(pauseMs);
      child = await launch(port, folder);
    },
    flush: () =>
      new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => socket.write('FLUSHALL\r\n'));
        socket.once('error', reject);
        socket.once('data', (data) => {
          socket.destroy();
          if (data.toString().startsWith('+OK')) resolve();
          else reject(new Error(`redis-server: ${data.toString()}`));
        });
      }),
  };
}

async function launch(port: number, folder: string): Promise<ChildProcess> {
  const child = spawn(
    redisProgram!,
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  await new Promise<void>((resolve, reject) => {
    let said = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (/Ready to accept connections/.test(said)) resolve();
    });
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${said}`)));
  });
  return child;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no free port'))));
    });
  });
}

/** Waits until `check` answers true (or a value), looking often; the test's own timeout is the limit. */
export async function until<T>(check: () => Promise<T | false | null | undefined> | T | false | null | undefined): Promise<T> {
  for (;;) {
    const value = await check();
    if (value) return value;
    await wait(50);
  }
}
