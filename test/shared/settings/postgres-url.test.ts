import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SettingsError } from '../../../services/shared/errors.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { connectionSettings } from '../../../services/shared/settings/postgres-url.ts';
import { ENCODE_HINT } from '../../../services/shared/settings/server-url.ts';
import { type Meant, ROWS } from './postgres-urls.ts';

/** Prints what PQconninfoParse, which psql uses, makes of each URL. */
const ASK_LIBPQ = `
import ctypes, json, sys
class Option(ctypes.Structure):
    _fields_ = [(n, ctypes.c_char_p) for n in ('keyword', 'env', 'compiled', 'val', 'label', 'disp')] + [('size', ctypes.c_int)]
libpq = ctypes.CDLL('libpq.so.5')
libpq.PQconninfoParse.restype = ctypes.POINTER(Option)
libpq.PQconninfoParse.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
def parse(url):
    read = libpq.PQconninfoParse(url.encode(), None)
    if not read: return 'refused'
    out, i = {}, 0
    while read[i].keyword:
        if read[i].val: out[read[i].keyword.decode()] = read[i].val.decode()
        i += 1
    return out
print(json.dumps([parse(url) for url in json.load(sys.stdin)]))`;

function askLibpq(urls: readonly string[]): (Record<string, string> | 'refused')[] | null {
  try {
    const said = execFileSync('python3', ['-c', ASK_LIBPQ], { input: JSON.stringify(urls), stdio: ['pipe', 'pipe', 'ignore'] });
    return JSON.parse(said.toString()) as (Record<string, string> | 'refused')[];
  } catch {
    return null;
  }
}

const KEYS = ['host', 'port', 'user', 'password', 'dbname', 'options', 'application_name', 'client_encoding'] as const;
const libpq = askLibpq(ROWS.map(({ rest }) => `postgres://${rest}`));

/** What the driver would connect with, in libpq's words; only what the URL says. */
function driverReads(config: pg.ClientConfig): Meant | 'refused' {
  let client: pg.Client;
  try {
    client = new pg.Client(config);
  } catch {
    return 'refused';
  }
  const { connectionParameters: given } = client as unknown as { connectionParameters: Record<string, unknown> };
  const all: Record<string, unknown> = { ...given, password: client.password, dbname: given.database };
  const meant = KEYS.flatMap((key) => {
    const usual = key === 'port' ? 5432 : key === 'host' ? 'localhost' : key === 'dbname' ? given.user : undefined;
    return all[key] && all[key] !== usual ? [[key, String(all[key])]] : [];
  });
  return Object.fromEntries(meant) as Meant;
}

describe('the place that a URL names', () => {
  beforeEach(() => {
    for (const name of ['PGHOST', 'PGPORT', 'PGUSER', 'PGPASSWORD', 'PGDATABASE', 'PGAPPNAME', 'PGOPTIONS', 'USER'])
      vi.stubEnv(name, undefined);
  });
  afterEach(() => vi.unstubAllEnvs());

  test.each(ROWS)('postgres://$rest', ({ rest, libpq, ours, why }) => {
    const url = `postgres://${rest}`;
    const read = () => connectionSettings(url);
    expect(why === undefined, 'a difference has a reason').toBe(ours === undefined);
    if ((ours ?? libpq) === 'refused') {
      expect(read).toThrow(SettingsError);
      expect(() => loadConfig({ DATABASE_URL: url }, '/nowhere')).toThrow(/^DATABASE_URL /);
    } else {
      expect(driverReads(read())).toEqual(ours ?? libpq);
      expect(loadConfig({ DATABASE_URL: url }, '/nowhere').databaseUrl).toBe(url.trim());
    }
  });

  test.each(['\n', ' '])('white space before a URL never makes the URL a name (%j)', (space) => {
    const url = `${space}postgres://u:Hunter2@h/db`;
    expect(connectionSettings(url)).toEqual({ host: 'h', user: 'u', password: 'Hunter2', database: 'db' });
    expect(loadConfig({ DATABASE_URL: url, REDIS_URL: `${space}redis://h` }, '/nowhere')).toMatchObject({
      databaseUrl: url.trim(),
      redisUrl: 'redis://h',
    });
  });

  test("the driver's own reading of a URL is another one than libpq's, often enough to keep ours", () => {
    const differ = ROWS.filter(({ rest, libpq }) => {
      const connectionString = `postgres://${rest}${rest.includes('?') ? '&' : '?'}uselibpqcompat=true`;
      return !isDeepStrictEqual(driverReads({ connectionString }), libpq);
    });
    const architecture = readFileSync(path.resolve(import.meta.dirname, '../../../ARCHITECTURE.md'), 'utf8').replace(/\s+/g, ' ');
    const onPurpose = ROWS.filter(({ ours }) => ours !== undefined);
    // Not the document in a failure's text.
    const [, ...said] = /reads (\d+) of the (\d+) URLs .*? ours reads (\d+) in/.exec(architecture)!;
    expect(said.map(Number)).toEqual([differ.length, ROWS.length, onPurpose.length]);
  });

  const skipped = libpq === null ? ' (SKIPPED: needs python3 and postgresql)' : '';
  test.skipIf(libpq === null)(`libpq reads them as the table says${skipped}`, () => {
    const of = (read: Record<string, string>) => Object.fromEntries(KEYS.filter((k) => k in read).map((k) => [k, read[k]]));
    const reads = libpq!.map((read) => (read === 'refused' ? read : of(read)));
    expect(reads).toEqual(ROWS.map(({ libpq: recorded }) => recorded));
  });
});

test.each([
  ['postgres://h:1/d', { host: 'h', port: 1, database: 'd' }],
  ['postgres://h:65535', { host: 'h', port: 65_535 }],
  [
    'postgres://h/d?statement_timeout=1&lock_timeout=0&idle_in_transaction_session_timeout=x',
    { host: 'h', database: 'd', statement_timeout: 1 },
  ],
  ['postgres://h?options=&application_name=a&gssencmode=disable', { host: 'h', application_name: 'a' }],
  [
    'postgres://h?options=-c%20x&fallback_application_name=b&client_encoding=UTF8',
    { host: 'h', options: '-c x', fallback_application_name: 'b', client_encoding: 'UTF8' },
  ],
])('%s is handed on whole', (url, settings) => {
  const { ssl: _, ...read } = connectionSettings(url);
  expect(read).toEqual(settings);
  expect('database' in read).toBe('database' in settings);
  expect('options' in read).toBe('options' in settings);
});

const ONE_HOST = 'names several hosts, and ruawatch connects to one: name the server that accepts writes';
const unknown = (shown: string) =>
  `has ${shown} that Postgres does not know: correct or remove it (special characters must be percent-encoded)`;
test.each([
  ['mysql://h', 'must be a Postgres URL, such as postgres://user:password@host (it is not shown here)'],
  ['postgres:h', ENCODE_HINT],
  ['postgres://h:0', ENCODE_HINT],
  ['postgres://h:65536', ENCODE_HINT],
  ['postgres://h/%00', ENCODE_HINT],
  ['postgres://h:x', ENCODE_HINT],
  ['postgres://a,b', ONE_HOST],
  ['postgres://u:p@a:1,b:2/d', ONE_HOST],
  ['postgres:///d?host=a,b', ONE_HOST],
  ['postgres://h?port=1,2', ONE_HOST],
  ['postgres://h?hostaddr=192.0.2.1', 'has the parameter hostaddr, which ruawatch does not support: remove it'],
  ['postgres://h?gssencmode=require', 'has the parameter gssencmode, which ruawatch does not support: remove it'],
  ['postgres://h?colour=require', unknown('the parameter colour')],
  [`postgres://h?${'x'.repeat(40)}=1`, unknown(`the parameter ${'x'.repeat(40)}`)],
  [`postgres://h?${'x'.repeat(41)}=1`, unknown('a parameter')],
  ['postgres://h?password=p&word=1', unknown('a parameter')],
])('%s is refused: %s', (url, sentence) => {
  expect(() => connectionSettings(url)).toThrow(new SettingsError(`DATABASE_URL ${sentence}.`));
});
