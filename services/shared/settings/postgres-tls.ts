import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { messageOf, SettingsError } from '../errors.ts';

const MODES_AND_FILES = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'ssl'] as const;
/** The parameters of a Postgres URL that speak of TLS. */
export const TLS_PARAMETERS = [...MODES_AND_FILES, 'sslnegotiation', 'channel_binding'] as const;
type Given = Partial<Record<(typeof TLS_PARAMETERS)[number], string>>;

/** The driver's options for them. */
export interface TlsSettings {
  /** Absent when the URL does not speak of TLS: then PGSSLMODE decides. */
  ssl?: ConnectionOptions | false;
  sslnegotiation?: 'direct';
  /** SCRAM-SHA-256-PLUS where the server offers it. */
  enableChannelBinding?: true;
}
/** `ssl=` is the spelling of other drivers. */
const SSL_WORDS: Record<string, string> = {
  true: 'verify-full',
  '1': 'verify-full',
  false: 'disable',
  '0': 'disable',
  'no-verify': 'require',
};

/**
 * Reads TLS parameters as Postgres' own tools do (libpq, "SSL Support"), which the driver does not: to it
 * `require` and `verify-ca` are `verify-full`, with a warning on stderr that this will change.
 *
 * - `disable`: none. `require`: encrypted; the certificate is checked against the CA only when sslrootcert is
 *   given.
 * - `verify-ca`: the certificate must be of the CA in sslrootcert. `verify-full`: and be made out to the
 *   host.
 * - sslrootcert alone, or `ssl=true`, is `verify-full`; without sslrootcert (or with `system`), by the CAs
 *   that Node trusts.
 * - sslcert and sslkey: the client's own certificate.
 *
 * `prefer` and `allow` are refused: they would send the password unencrypted when somebody on the way asks
 * for it.
 * @param setting names the URL in messages
 * @throws SettingsError an unknown mode, a file that cannot be read or is no certificate
 */
export function tlsOf(given: Given, setting: string): TlsSettings {
  const { sslnegotiation: negotiation = 'postgres', channel_binding: binding, ...certificates } = given;
  if (negotiation !== 'postgres' && negotiation !== 'direct')
    throw new SettingsError(`${setting} has an sslnegotiation that does not exist: the words are postgres and direct.`);
  const settings: TlsSettings = binding === 'require' ? { enableChannelBinding: true } : {};
  const direct = negotiation === 'direct';
  if (!direct && !MODES_AND_FILES.some((name) => certificates[name] !== undefined)) return settings;
  settings.ssl = optionsOf(certificates, setting);
  if (!direct) return settings;
  if (settings.ssl === false)
    throw new SettingsError(`${setting} says sslnegotiation=direct, which needs TLS: remove it, or sslmode=disable.`);
  return { ...settings, sslnegotiation: 'direct' };
}

function optionsOf(given: Given, setting: string): ConnectionOptions | false {
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
