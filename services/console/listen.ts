import { readFileSync } from 'node:fs';
import { request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import { createServer } from 'node:net';
import { createSecureContext } from 'node:tls';
import { messageOf, SettingsError } from '../shared/errors.ts';
import type { Config } from '../shared/settings/config.ts';

type Listen = NonNullable<Config['console']['listen']>;
const ANSWER_MS = 3_000;

/**
 * The certificate and the key that the console speaks TLS with, as PEM.
 * @throws SettingsError with the name of the setting whose file cannot be used
 */
export function certificateOf(tls: NonNullable<Config['console']['tls']>): { cert: Buffer; key: Buffer } {
  const read = (setting: string, file: string) => {
    try {
      return readFileSync(file);
    } catch (error) {
      throw new SettingsError(`${setting} cannot be read (${messageOf(error)}): correct the path or its rights.`, error);
    }
  };
  const pair = { cert: read('console.tls_cert_file', tls.cert), key: read('console.tls_key_file', tls.key) };
  const usable = (setting: string, file: string, part: Partial<typeof pair>) => {
    try {
      createSecureContext(part);
    } catch (error) {
      throw new SettingsError(`${setting} (${file}) is no PEM file that can be used (${messageOf(error)}).`, error);
    }
  };
  usable('console.tls_cert_file', tls.cert, { cert: pair.cert });
  usable('console.tls_key_file', tls.key, { key: pair.key });
  usable('console.tls_key_file', tls.key, pair);
  return pair;
}

/** Why the console cannot listen there. */
export function cannotListen({ host, port }: Listen, error: unknown): SettingsError {
  return new SettingsError(
    `CONSOLE_LISTEN ${host}:${port} cannot be used (${messageOf(error)}): set another address, or "off".`,
    error,
  );
}

/**
 * Whether the console will be able to listen, for `doctor`: nothing is left behind.
 * @returns null when it is off
 * @throws SettingsError with one sentence that says what to correct
 */
export async function checkListen({ console: { listen, tls } }: Pick<Config, 'console'>): Promise<string | null> {
  if (listen === null) return null;
  if (tls !== null) certificateOf(tls);
  if (await answersAsConsole(listen, tls !== null)) return `ruawatch is running at ${listen.host}:${listen.port}`;
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(listen, error)));
    server.listen(listen.port, listen.host, resolve);
  });
  await new Promise((resolve) => server.close(resolve));
  return `${listen.host}:${listen.port} is free`;
}

/** Whether a ruawatch that runs has the port. Its certificate may be for any name. */
async function answersAsConsole({ host, port }: Listen, tls: boolean): Promise<boolean> {
  if (port === 0) return false;
  const at = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const options = { host: at, port, path: '/livez', headers: { host: 'localhost' }, timeout: ANSWER_MS };
  return new Promise((resolve) => {
    const asked = tls ? overHttps({ ...options, rejectUnauthorized: false }) : overHttp(options);
    // Nothing listens there, or something else does: listening decides.
    asked.once('error', () => resolve(false));
    asked.once('timeout', () => asked.destroy(new Error('silent')));
    asked.once('response', (response) => {
      resolve(response.headers['content-security-policy'] !== undefined && response.statusCode === 200);
      response.destroy();
    });
    asked.end();
  });
}
