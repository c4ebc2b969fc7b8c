import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  bringUp,
  checkNames,
  databaseError,
  dataDirOf,
  openContext,
  openForImport,
  queuePlace,
  withDatabase,
} from '../../services/cli/open.ts';
import { PermanentError, SettingsError, TransientError } from '../../services/shared/errors.ts';
import { type Config, loadConfig } from '../../services/shared/settings/config.ts';
import { testDatabase } from '../helpers/database.ts';

const config = (env: Record<string, string> = {}, over: Partial<Config> = {}): Config => ({
  ...loadConfig({ LOG_LEVEL: 'silent', HTTP_LISTEN: 'off', ...env }, '/nonexistent'),
  ...over,
});

describe('an error of a Postgres client is one sentence that says what to do', () => {
  const failed = (code: string | undefined, message = 'said so') =>
    Object.assign(new Error(message), code === undefined ? {} : { code });
  const at = 'DATABASE_URL';
  test.each<[string | undefined, string, boolean]>([
    ['28P01', `The database refused the password: correct ${at}.`, true],
    ['28000', `The database refused the login (said so): correct ${at} or the server's pg_hba.conf.`, true],
    ['3D000', `The database in ${at} does not exist (said so): create it, or correct its name.`, true],
    [
      '42501',
      `The database user in ${at} may not do this (said so): use the owner of the schema or, where each service has a user of its own, run "ruawatch migrate --roles" as the owner.`,
      true,
    ],
    ['ECONNREFUSED', `The database in ${at} cannot be reached (said so): start Postgres, or correct the host and port.`, true],
    ['ENOTFOUND', `The host in ${at} does not exist (said so): correct it.`, true],
    ['EAI_AGAIN', `The host in ${at} cannot be looked up (said so): correct it, or check the name servers.`, true],
    [
      'ERR_TLS_CERT_ALTNAME_INVALID',
      `The server at ${at} presents a certificate for another name (said so): use the name in the certificate, or sslmode=verify-ca.`,
      true,
    ],
    ['CERT_HAS_EXPIRED', `The server at ${at} presents a certificate that has expired: renew it there.`, true],
    ...[
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT',
    ].map((code): [string, string, boolean] => [
      code,
      `The certificate of the server at ${at} was not issued by a CA that is trusted here (said so): name the file with its CA in sslrootcert, such as ?sslmode=verify-full&sslrootcert=/etc/ssl/my-ca.pem.`,
      true,
    ]),
    ['ETIMEDOUT', `Postgres does not answer at the address in ${at} (said so): start it, or correct the host and port.`, true],
    // A server that starts or stops says so by itself, and is there later.
    ['57P03', `The database in ${at} cannot be used: said so.`, true],
    ['42601', `The database in ${at} cannot be used: said so.`, false],
    [undefined, `The database in ${at} cannot be used: said so.`, false],
  ])('%s', (code, message, transient) => {
    expect(databaseError(failed(code))).toMatchObject({ code: 'database', message, transient });
  });

  test('a server without TLS is told apart by what the client says', () => {
    expect(databaseError(failed(undefined, 'The server does not support SSL connections'), 'QUEUE_DATABASE_URL')).toMatchObject({
      message:
        'The server at QUEUE_DATABASE_URL does not offer TLS: enable it there (ssl = on), or use sslmode=disable on a network that you trust.',
      transient: true,
    });
  });

  test.each([new PermanentError('x', 'Ours.'), new TransientError('x', 'Ours.'), new SettingsError('Ours.')])(
    'one of our own stays as it is',
    (error) => expect(databaseError(error)).toBe(error),
  );
});

test('the queue is in the main database, unless it has one of its own', () => {
  expect(queuePlace(config(), 'postgres://main/x')).toMatchObject({ url: 'postgres://main/x', setting: 'DATABASE_URL' });
  const own = config({ QUEUE_DATABASE_URL: 'postgres://queue/x' });
  expect(queuePlace(own, 'postgres://main/x')).toMatchObject({ url: 'postgres://queue/x', setting: 'QUEUE_DATABASE_URL' });
});

test('a limit that does not exist, and a domain that is not one, are named with those that do', () => {
  expect(() => checkNames(config())).not.toThrow();
  expect(() => checkNames(config({}, { limits: { mailBytes: 1 } as never }))).not.toThrow();
  const wrong = () => checkNames(config({}, { limits: { mailBytes: 1, mailByte: 1, other: 2 } as never }));
  expect(wrong).toThrow(SettingsError);
  expect(wrong).toThrow(/^Unknown setting "limits\.mailByte", "limits\.other": the limits are .*\bmailBytes\b/);
  expect(() => checkNames(config({}, { domains: ['not a domain'] as never }))).toThrow(/^domains: /);
});

describe('where the embedded database is kept', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-open-'));
  });
  afterEach(() => {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true, force: true });
  });
  const said: string[] = [];
  const place = (over: Partial<Config>) => {
    said.length = 0;
    return dataDirOf(config({}, over), (line) => said.push(line));
  };
  // Postgres does not run as root: it runs as another user then, who must be able to enter.
  const root = process.getuid?.() === 0;

  test('in the folder that is chosen, whatever it is', () => {
    chmodSync(folder, 0o700);
    const dataDir = path.join(folder, '.ruawatch');
    expect(place({ dataDir, dataDirChosen: true })).toBe(dataDir);
    expect(said).toEqual([]);
  });

  test.skipIf(!root)('else in the usual one, or where root keeps data when Postgres cannot enter that', () => {
    const open = mkdtempSync('/tmp/ruawatch-open-');
    chmodSync(open, 0o755);
    expect(place({ dataDir: path.join(open, '.ruawatch'), dataDirChosen: false })).toBe(path.join(open, '.ruawatch'));
    expect(said).toEqual([]);
    rmSync(open, { recursive: true });
    chmodSync(folder, 0o700);
    mkdirSync(path.join(folder, 'in'));
    expect(place({ dataDir: path.join(folder, 'in', '.ruawatch'), dataDirChosen: false })).toBe('/var/lib/ruawatch');
    expect(said).toEqual([`The embedded Postgres cannot enter ${folder}; its data is kept in /var/lib/ruawatch instead.`]);
    expect(place({ dataDir: path.join(folder, 'in', 'demo'), dataDirChosen: false })).toBe('/var/lib/ruawatch/demo');
  });
});

describe('a database that is there', () => {
  test('is worked on over one connection, which is closed also when the work fails', async () => {
    const t = await testDatabase();
    const of = config({ DATABASE_URL: t.url });
    const open = async () =>
      (await t.db.query<{ n: number }>('select count(*)::int as n from pg_stat_activity where datname = current_database()'))
        .rows[0]!.n;
    const before = await open();
    let during = 0;
    const work = async () => {
      await withDatabase(of, async (db, used) => {
        expect(used.databaseUrl).toBe(t.url);
        await Promise.all([1, 2, 3].map(() => db.query('select pg_sleep(0)')));
        during = await open();
      });
    };
    await work();
    expect(during).toBe(before + 1);
    expect(await withDatabase(of, async () => undefined)).toBe(0);
    await expect(
      withDatabase(of, async () => {
        throw new PermanentError('x', 'No.');
      }),
    ).rejects.toThrow('No.');
    // The server notices the end of a connection a moment later.
    for (let i = 0; i < 500 && (await open()) > before; i++) await t.db.query('select pg_sleep(0.01)');
    expect(await open()).toBe(before);
    expect(await bringUp(t.db)).toEqual([]);
    await t.drop();
  });

  test('that is not there, or has no schema, is a sentence', async () => {
    const work = (url: string) => withDatabase(config({ DATABASE_URL: url }), async () => undefined);
    await expect(work('postgres://127.0.0.1:1/x')).rejects.toMatchObject({ code: 'database', transient: true });
    const t = await testDatabase();
    await expect(work(`${t.url}_none`)).rejects.toThrow(/^The database in DATABASE_URL does not exist \(/);
    await t.drop();
  });

  test('is opened with its queue; an import opens the queue with its first job', async () => {
    const t = await testDatabase();
    const of = config({ DATABASE_URL: t.url });
    const context = await openContext(of);
    expect(await context.queues.add('alert', { findings: [1] })).toBe(true);
    await context.close();
    const imported = await openForImport(of);
    expect(await imported.queues.add('alert', { findings: [1] })).toBe(true);
    await imported.close();
    await (await openForImport(of)).close();
    const logged: unknown[] = [];
    const log = { warn: (...line: unknown[]) => logged.push(line), debug: () => undefined, info: () => undefined } as never;
    const lost = await openForImport(config({ DATABASE_URL: t.url, QUEUE_DATABASE_URL: 'postgres://127.0.0.1:1/x' }), { log });
    expect(await lost.queues.add('alert', { findings: [1] })).toBe(false);
    expect(logged).toEqual([
      [{ err: expect.stringContaining('QUEUE_DATABASE_URL') }, 'could not enqueue jobs; the sweepers will pick the work up'],
    ]);
    await lost.close();
    await t.drop();
  });

  test.each([
    [
      { REDIS_URL: 'redis://127.0.0.1:1' },
      /^Redis does not answer at the address in REDIS_URL \(.*\): start it, correct REDIS_URL, or unset it/,
    ],
    [{ QUEUE_DATABASE_URL: 'postgres://127.0.0.1:1/x' }, /^The database in QUEUE_DATABASE_URL cannot be reached/],
  ])('without its queue is not opened: %j', async (env, sentence) => {
    const t = await testDatabase();
    await expect(openContext(config({ DATABASE_URL: t.url, ...env }))).rejects.toThrow(sentence);
    await t.drop();
  });
});
