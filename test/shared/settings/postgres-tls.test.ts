import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openContext } from '../../../services/cli/open.ts';
import { openPool } from '../../../services/shared/runtime/db.ts';
import { createLog } from '../../../services/shared/runtime/log.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { connectionSettings } from '../../../services/shared/settings/postgres-url.ts';
import { adminUrl, type EmbeddedPostgres, openEmbedded } from '../../../services/store/schema/embedded.ts';
import { which } from '../../helpers/services.ts';

const openssl = which('openssl');

let folder: string;
let server: EmbeddedPostgres;
const file = (name: string) => path.join(folder, name);

/** The URL of the server, by the name its certificate has (or does not), with these parameters. */
const urlOf = (parameters: string, host = '127.0.0.1') => {
  const url = new URL(adminUrl(server, 'ruawatch'));
  url.hostname = host;
  return `${url.href}?${parameters}`;
};

function run(...args: string[]): void {
  execFileSync(openssl!, args, { cwd: folder, stdio: 'ignore' });
}

function makeCa(name: string): void {
  // biome-ignore format: one option and its value a line
  run('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${name}`,
      '-keyout', `${name}.key`, '-out', `${name}.pem`);
}

/** What a start with this database says: null when it works. */
async function refusal(url: string): Promise<string | null> {
  const config = loadConfig({ DATABASE_URL: url, HTTP_LISTEN: 'off', LOG_LEVEL: 'silent' }, folder);
  try {
    const context = await openContext(config, { log: createLog('silent') });
    await context.close();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

async function encrypted(url: string): Promise<boolean> {
  const db = openPool(url, { max: 1 });
  try {
    const { rows } = await db.query<{ ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
    return rows[0]!.ssl;
  } finally {
    await db.end();
  }
}

describe.skipIf(openssl === null)(`Postgres over TLS${openssl === null ? ' (SKIPPED: openssl is not installed)' : ''}`, () => {
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-tls-'));
    chmodSync(folder, 0o755);
    server = await openEmbedded(file('data'));
    makeCa('ca');
    makeCa('other');
    writeFileSync(file('san.ext'), 'subjectAltName=IP:127.0.0.1\n');
    // biome-ignore format: one option and its value a line
    run('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=database',
          '-keyout', 'server.key', '-out', 'server.csr');
    // biome-ignore format: one option and its value a line
    run('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2',
          '-extfile', 'san.ext', '-out', 'server.pem');
    const { uid, gid } = statSync(file('data/postgres'));
    chmodSync(file('server.key'), 0o600);
    chownSync(file('server.key'), uid, gid);
    const db = openPool(adminUrl(server, 'ruawatch'), { max: 1 });
    await db.query(`alter system set ssl_cert_file = '${file('server.pem')}'`);
    await db.query(`alter system set ssl_key_file = '${file('server.key')}'`);
    await db.query('alter system set ssl = on');
    await db.query('select pg_reload_conf()');
    await db.end();
  });
  afterAll(async () => {
    await server?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  test('verify-full with the CA of the server: the database and the queue are reached, encrypted', async () => {
    const url = urlOf(`sslmode=verify-full&sslrootcert=${file('ca.pem')}`);
    expect(await refusal(url)).toBeNull();
    expect(await encrypted(url)).toBe(true);
    expect(await encrypted(urlOf('sslmode=disable'))).toBe(false);
  });

  test('a certificate of another CA is refused in one sentence that says what to set', async () => {
    for (const mode of ['verify-full', 'verify-ca', 'require']) {
      const said = await refusal(urlOf(`sslmode=${mode}&sslrootcert=${file('other.pem')}`));
      expect(said).toMatch(
        /^The certificate of the server at DATABASE_URL was not issued by a CA that is trusted here .*sslrootcert/,
      );
      expect(said).not.toContain('\n');
    }
    // The CAs that Node trusts are not it either.
    expect(await refusal(urlOf('sslmode=verify-full'))).toMatch(/was not issued by a CA that is trusted here/);
    expect(await refusal(urlOf('ssl=true'))).toMatch(/was not issued by a CA that is trusted here/);
  });

  test('a certificate for another host is refused by verify-full and taken by verify-ca', async () => {
    const ca = `sslrootcert=${file('ca.pem')}`;
    expect(await refusal(urlOf(`sslmode=verify-full&${ca}`, 'localhost'))).toMatch(/presents a certificate for another name/);
    expect(await encrypted(urlOf(`sslmode=verify-ca&${ca}`, 'localhost'))).toBe(true);
    // libpq's rule: with a CA, require is verify-ca.
    expect(await encrypted(urlOf(`sslmode=require&${ca}`, 'localhost'))).toBe(true);
  });

  test('require without a CA encrypts and checks nothing, without a warning on stderr', async () => {
    const warnings: string[] = [];
    const note = (warning: Error) => warnings.push(warning.message);
    process.on('warning', note);
    try {
      for (const parameters of [
        'sslmode=require',
        'sslmode=no-verify',
        'ssl=no-verify',
        `sslmode=require&sslrootcert=${file('ca.pem')}`,
      ])
        expect(await encrypted(urlOf(parameters))).toBe(true);
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.off('warning', note);
    }
    expect(warnings).toEqual([]);
  });

  test('the client shows its own certificate when it is given one', async () => {
    // biome-ignore format: one option and its value a line
    run('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=ruawatch',
          '-keyout', 'client.key', '-out', 'client.csr');
    run(
      'x509',
      '-req',
      '-in',
      'client.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-out',
      'client.pem',
    );
    const url = urlOf(
      `sslmode=verify-full&sslrootcert=${file('ca.pem')}&sslcert=${file('client.pem')}&sslkey=${file('client.key')}`,
    );
    const admin = openPool(adminUrl(server, 'ruawatch'), { max: 1 });
    await admin.query(`alter system set ssl_ca_file = '${file('ca.pem')}'`);
    await admin.query('select pg_reload_conf()');
    await admin.end();
    const db = openPool(url, { max: 1 });
    const { rows } = await db.query('select client_dn from pg_stat_ssl where pid = pg_backend_pid()');
    await db.end();
    expect(rows).toEqual([{ client_dn: '/CN=ruawatch' }]);
  });

  test('a server without TLS, and files that are none, are each one sentence', async () => {
    const plain = process.env.TEST_POSTGRES_URL!;
    expect(await refusal(`${plain}?sslmode=require`)).toMatch(
      /^The server at DATABASE_URL does not offer TLS: .*sslmode=disable/,
    );
    expect(() => connectionSettings(urlOf('sslrootcert=/no/such.pem'))).toThrow(
      /sslrootcert of DATABASE_URL names \/no\/such\.pem, which cannot be read/,
    );
    expect(() => connectionSettings(urlOf(`sslrootcert=${file('san.ext')}`))).toThrow(/holds no certificate in PEM form/);
    expect(readFileSync(file('san.ext'), 'utf8')).not.toContain('CERTIFICATE');
  });
});

describe('the TLS words of a URL', () => {
  const url = 'postgres://u:p%40ss@db.example:6432/name';
  const place = { host: 'db.example', port: 6432, user: 'u', password: 'p@ss', database: 'name' };
  test('a URL that says nothing of it leaves it to PGSSLMODE', () => {
    expect(connectionSettings(`${url}?application_name=x`)).toEqual({ ...place, application_name: 'x' });
  });
  test.each([
    ['sslmode=disable', { ssl: false }],
    ['ssl=false', { ssl: false }],
    ['sslmode=require', { ssl: { rejectUnauthorized: false } }],
    ['sslmode=no-verify', { ssl: { rejectUnauthorized: false } }],
    ['ssl=true', { ssl: {} }],
    ['sslmode=verify-full&sslrootcert=system', { ssl: {} }],
    ['sslmode=require&channel_binding=require', { ssl: { rejectUnauthorized: false }, enableChannelBinding: true }],
    ['sslnegotiation=direct', { ssl: {}, sslnegotiation: 'direct' }],
    ['sslnegotiation=postgres', {}],
  ])('%s', (parameters, settings) => {
    expect(connectionSettings(`${url}?${parameters}`)).toEqual({ ...place, ...settings });
  });
  test.each([
    ['sslmode=prefer', /may send the password unencrypted/],
    ['sslmode=allow', /may send the password unencrypted/],
    ['sslmode=verify-ca', /without sslrootcert/],
    ['sslnegotiation=at-once', /the words are postgres and direct/],
    ['sslnegotiation=direct&sslmode=disable', /sslnegotiation=direct, which needs TLS/],
    ['sslmode=verify_full', /the modes are disable, require, verify-ca and verify-full/],
  ])('%s is refused', (parameters, says) => {
    expect(() => connectionSettings(`${url}?${parameters}`, 'QUEUE_DATABASE_URL')).toThrow(says);
    expect(() => connectionSettings(`${url}?${parameters}`, 'QUEUE_DATABASE_URL')).toThrow(/^QUEUE_DATABASE_URL /);
  });
});
