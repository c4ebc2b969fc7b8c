import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startConsole } from '../../services/console/index.ts';
import { certificateOf, checkListen } from '../../services/console/listen.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { until, which } from '../helpers/services.ts';

let t: TestDatabase;
let context: Context;
let folder: string;
const openssl = which('openssl');
const file = (name: string) => path.join(folder, name);
const LOOPBACK = { host: '127.0.0.1', port: 0 };
const look = (listen: typeof LOOPBACK | null, tls: { cert: string; key: string } | null = null) =>
  checkListen({ console: { listen, tls, proxies: [], oidc: null } });

beforeAll(async () => {
  t = await testDatabase();
  context = testContext(t, { env: { CONSOLE_LISTEN: '127.0.0.1:0' } });
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-listen-'));
  writeFileSync(file('text.pem'), 'no certificate');
  if (openssl === null) return;
  for (const name of ['a', 'b'])
    execFileSync(
      openssl,
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=x', '-out', file(`${name}.pem`)].concat(
        '-keyout',
        file(`${name}.key`),
      ),
      { stdio: 'ignore' },
    );
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await context.queues.close();
  await t.drop();
});

test('a free address is left free, one that is off is nothing, one of another program is a sentence', async () => {
  expect(await look(null)).toBeNull();
  expect(await look(LOOPBACK)).toBe('127.0.0.1:0 is free');
  const other = createServer((_, response) => response.end('ok'));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  await expect(look({ host: '127.0.0.1', port })).rejects.toThrow(
    new RegExp(`^CONSOLE_LISTEN 127\\.0\\.0\\.1:${port} cannot be used .*set another address, or "off"\\.$`),
  );
  await new Promise((resolve) => other.close(resolve));
  for (const _ of [1, 2]) expect(await look({ host: '127.0.0.1', port })).toBe(`127.0.0.1:${port} is free`);
});

test('an address of a ruawatch that runs is no failure', async () => {
  const running = startConsole(context, () => undefined);
  await until(() => running.waitingFor() === null);
  const port = Number(new URL(running.address()!).port);
  expect(await look({ host: '127.0.0.1', port })).toBe(`ruawatch is running at 127.0.0.1:${port}`);
  await running.stop();
});

describe.skipIf(openssl === null)(`its certificate${openssl === null ? ' (SKIPPED: needs openssl)' : ''}`, () => {
  test('is taken when it belongs to the key', async () => {
    expect(certificateOf({ cert: file('a.pem'), key: file('a.key') }).cert.toString()).toContain('BEGIN CERTIFICATE');
    expect(await look(LOOPBACK, { cert: file('a.pem'), key: file('a.key') })).toBe('127.0.0.1:0 is free');
  });

  test.each([
    ['that is missing', 'none.pem', 'a.key', /^console\.tls_cert_file cannot be read \(.*none\.pem/],
    ['whose key is missing', 'a.pem', 'none.key', /^console\.tls_key_file cannot be read \(.*none\.key/],
    ['that is a text', 'text.pem', 'a.key', /^console\.tls_cert_file \(.*text\.pem\) is no PEM file/],
    ['whose key is a text', 'a.pem', 'text.pem', /^console\.tls_key_file \(.*text\.pem\) is no PEM file/],
    ['whose key is a certificate', 'a.pem', 'a.pem', /^console\.tls_key_file \(.*a\.pem\) is no PEM file/],
    [
      'whose key belongs to another',
      'a.pem',
      'b.key',
      /^console\.tls_key_file \(.*b\.key\) is no PEM file .*(mismatch|different)/,
    ],
  ])('%s is one sentence with the name of the setting, which the console waits with', async (_, cert, key, said) => {
    const tls = { cert: file(cert), key: file(key) };
    await expect(look(LOOPBACK, tls)).rejects.toThrow(said);
    context.config.console.tls = tls;
    const running = startConsole(context, () => undefined);
    await until(() => said.test(running.waitingFor() ?? ''));
    await running.stop();
    context.config.console.tls = null;
  });
});
