import { SettingsError } from '../errors.ts';
import { TLS_PARAMETERS, type TlsSettings, tlsOf } from './postgres-tls.ts';
import { ENCODE_HINT, isAmbiguous, isPercentEncoded } from './server-url.ts';

/**
 * What pg.Pool and pg.Client are given for a URL. What is absent is taken from PGHOST and the like, as libpq
 * does.
 */
export interface ConnectionSettings extends TlsSettings {
  host?: string;
  port?: number;
  user?: string;
  password?: string;
  database?: string;
  options?: string;
  application_name?: string;
  fallback_application_name?: string;
  client_encoding?: string;
  statement_timeout?: number;
  lock_timeout?: number;
  idle_in_transaction_session_timeout?: number;
}

/** A parameter of the URL, and the option of the driver that it is. */
const HANDED_ON = {
  options: 'options',
  application_name: 'application_name',
  fallback_application_name: 'fallback_application_name',
  client_encoding: 'client_encoding',
} as const;
/** Milliseconds; the driver's additions to libpq. */
const TIMEOUTS = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'] as const;
/** Those that change nothing here: ruawatch has bounds of its own on waiting, and one host. */
const WITHOUT_EFFECT = new Set(
  `connect_timeout keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout sslcompression sslsni
   krbsrvname gsslib gssencmode gssdelegation target_session_attrs load_balance_hosts uselibpqcompat`.split(/\s+/),
);
/**
 * Those of libpq that change where the connection leads, or how far it is trusted, and that the driver lacks.
 */
const UNSUPPORTED = new Set(
  `hostaddr service passfile requirepeer require_auth sslcrl sslcrldir sslpassword sslcertmode replication
   ssl_min_protocol_version ssl_max_protocol_version`.split(/\s+/),
);
const OF_PLACE = ['host', 'port', 'user', 'password', 'dbname'] as const;
const READ = new Set<string>([...OF_PLACE, ...TLS_PARAMETERS, ...Object.keys(HANDED_ON), ...TIMEOUTS]);

interface Parts {
  place: Partial<Record<(typeof OF_PLACE)[number], string>>;
  parameters: ReadonlyMap<string, string>;
}

/**
 * Takes a Postgres URL apart as libpq does (PostgreSQL, "Connection URIs"): parameters of the query override
 * what stands before it, "+" is a plus, and what is not known is refused. One host only.
 * @returns the parts, or a text that continues the name of the setting and shows nothing that may be a
 *   password
 */
export function readPostgresUrl(text: string): Parts | string {
  const [start, slashes, rest] = /^postgres(?:ql)?:(\/\/)?(.*)$/is.exec(text.trim()) ?? [];
  if (start === undefined) return 'must be a Postgres URL, such as postgres://user:password@host (it is not shown here)';
  if (slashes === undefined || isAmbiguous(rest!) || !isPercentEncoded(rest!)) return ENCODE_HINT;
  // libpq refuses it as well: it would end the text.
  if (decodeURIComponent(rest!).includes('\0')) return ENCODE_HINT;
  return partsOf(rest!);
}

function partsOf(rest: string): Parts | string {
  const at = rest.lastIndexOf('@');
  const [, user, password] = /^([^:]*)(?::(.*))?$/s.exec(rest.slice(0, Math.max(0, at)))!;
  const [, server, database, query] = /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(rest.slice(at + 1))!;
  if (server!.includes(',')) return ONE_HOST;
  const [found, bracketed, name, port] = /^(?:\[([^\]]*)\]|([^:[\]\s]*))(?::(\d*))?$/.exec(server!) ?? [];
  if (found === undefined) return ENCODE_HINT;
  const parameters = new Map<string, string>();
  for (const pair of (query ?? '').split('&').filter(Boolean)) {
    const [, key, value] = /^([^=]*)=?(.*)$/s.exec(pair)!;
    parameters.set(decodeURIComponent(key!), decodeURIComponent(value!));
  }
  const place: Parts['place'] = {};
  const before = { host: bracketed ?? name, port, user, password, dbname: database };
  for (const key of OF_PLACE) {
    const value = parameters.get(key) ?? decodeURIComponent(before[key] ?? '');
    if (value !== '') place[key] = value;
  }
  return wrongIn(place, parameters) ?? { place, parameters };
}

const ONE_HOST = 'names several hosts, and ruawatch connects to one: name the server that accepts writes';

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65_535;

function wrongIn(place: Parts['place'], parameters: ReadonlyMap<string, string>): string | null {
  if (place.host?.includes(',') || place.port?.includes(',')) return ONE_HOST;
  if (place.port !== undefined && !isPort(Number(place.port))) return ENCODE_HINT;
  for (const [key, value] of parameters) {
    const unsupported = UNSUPPORTED.has(key) || (key === 'gssencmode' && value === 'require');
    if (unsupported) return `has the parameter ${key}, which ruawatch does not support: remove it`;
    if (READ.has(key) || WITHOUT_EFFECT.has(key)) continue;
    // A password with an unescaped "&" would look like one.
    const shown = /^[a-z_]{1,40}$/i.test(key) && !parameters.has('password') ? `the parameter ${key}` : 'a parameter';
    return `has ${shown} that Postgres does not know: correct or remove it (special characters must be percent-encoded)`;
  }
  return null;
}

/**
 * What the driver is given for a postgres:// URL: never the URL itself, which it reads in another way than
 * psql does (test/shared/settings/postgres-urls.ts), and whose parameters it prefers to ours.
 * @param setting names the URL in messages
 * @throws SettingsError a URL that cannot be used, and what tlsOf throws
 */
export function connectionSettings(url: string, setting = 'DATABASE_URL'): ConnectionSettings {
  const parts = readPostgresUrl(url);
  if (typeof parts === 'string') throw new SettingsError(`${setting} ${parts}.`);
  const { place, parameters } = parts;
  const { dbname, port, ...same } = place;
  const settings: ConnectionSettings = { ...same };
  if (dbname !== undefined) settings.database = dbname;
  if (port !== undefined) settings.port = Number(port);
  for (const [key, option] of Object.entries(HANDED_ON)) {
    const value = parameters.get(key);
    if (value) settings[option] = value;
  }
  for (const key of TIMEOUTS) if (Number(parameters.get(key)) > 0) settings[key] = Number(parameters.get(key));
  return { ...settings, ...tlsOf(Object.fromEntries(parameters), setting) };
}
