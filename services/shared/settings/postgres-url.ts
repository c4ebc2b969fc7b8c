import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { messageOf, SettingsError } from '../errors.ts';
import { parsePostgresUrl, postgresText } from './server-url.ts';

/** What pg.Pool and pg.Client are given for a URL. */
export interface ConnectionSettings {
  connectionString: string;
  /** Absent when the URL does not speak of TLS: then PGSSLMODE decides. */
  ssl?: ConnectionOptions | false;
}

const TLS_PARAMETERS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'ssl', 'uselibpqcompat'] as const;
/** `ssl=` is the spelling of other drivers. */
const SSL_WORDS: Record<string, string> = {
  true: 'verify-full',
  '1': 'verify-full',
  false: 'disable',
  '0': 'disable',
  'no-verify': 'require',
};

/**
 * Reads a postgres:// URL's TLS parameters as Postgres' own tools do (libpq, "SSL Support"), which the driver does not: to it
 * `require` and `verify-ca` are `verify-full`, with a warning on stderr that this will change.
 *
 * - `disable`: none. `require`: encrypted; the certificate is checked against the CA only when sslrootcert is given.
 * - `verify-ca`: the certificate must be of the CA in sslrootcert. `verify-full`: and be made out to the host.
 * - sslrootcert alone, or `ssl=true`, is `verify-full`; without sslrootcert (or with `system`), by the CAs that Node trusts.
 * - sslcert and sslkey: the client's own certificate.
 *
 * `prefer` and `allow` are refused: they would send the password unencrypted when somebody on the way asks for it.
 * @param setting names the URL in messages
 * @throws SettingsError an unknown mode, a file that cannot be read or is no certificate
 */
export function connectionSettings(url: string, setting = 'DATABASE_URL'): ConnectionSettings {
  const parsed = parsePostgresUrl(url);
  const given = Object.fromEntries(TLS_PARAMETERS.map((name) => [name, parsed.searchParams.get(name)]));
  if (TLS_PARAMETERS.every((name) => given[name] === null)) return { connectionString: url };
  for (const name of TLS_PARAMETERS) parsed.searchParams.delete(name);
  return { connectionString: postgresText(parsed), ssl: tlsOf(given, setting) };
}

function tlsOf(given: Record<string, string | null | undefined>, setting: string): ConnectionOptions | false {
  const mode = given.sslmode ?? (given.ssl ? (SSL_WORDS[given.ssl] ?? given.ssl) : 'verify-full');
  if (mode === 'disable') return false;
  const root = given.sslrootcert === 'system' ? null : given.sslrootcert;
  const options: ConnectionOptions = {};
  if (root) options.ca = readPem(root, 'sslrootcert', setting);
  if (given.sslcert) options.cert = readPem(given.sslcert, 'sslcert', setting);
  if (given.sslkey) options.key = readText(given.sslkey, 'sslkey', setting);
  const ofAnyHost = { ...options, checkServerIdentity: () => undefined };
  switch (mode) {
    case 'verify-full':
      return options;
    case 'verify-ca':
      if (!root) {
        throw new SettingsError(
          `${setting} says sslmode=verify-ca without sslrootcert: name the file of the CA's certificate, or use sslmode=verify-full.`,
        );
      }
      return ofAnyHost;
    case 'require':
    case 'no-verify':
      return root && mode === 'require' ? ofAnyHost : { ...options, rejectUnauthorized: false };
    case 'prefer':
    case 'allow':
      throw new SettingsError(
        `${setting} says sslmode=${mode}, which may send the password unencrypted: use require, verify-ca or verify-full, or disable where no TLS is wanted.`,
      );
    default:
      throw new SettingsError(
        `${setting} has an sslmode that does not exist: the modes are disable, require, verify-ca and verify-full.`,
      );
  }
}

function readPem(file: string, name: string, setting: string): string {
  const text = readText(file, name, setting);
  try {
    new X509Certificate(text);
  } catch (error) {
    throw new SettingsError(
      `${name} of ${setting} names ${file}, which holds no certificate in PEM form (${messageOf(error)}): correct the path.`,
      error,
    );
  }
  return text;
}

function readText(file: string, name: string, setting: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SettingsError(
      `${name} of ${setting} names ${file}, which cannot be read (${messageOf(error)}): correct the path.`,
      error,
    );
  }
}
