import { isIP } from 'node:net';
import { z } from 'zod';
import { isListen } from './values.ts';

const listen = z.string().refine(isListen, 'must be host:port, or off').default('off');
const days = (fallback: number) => z.number().int().min(1).max(3650).default(fallback);

/** An address, or a network such as 10.0.0.0/8. */
export function isLogNetwork(text: string): boolean {
  const [address, bits, ...rest] = text.split('/');
  const family = isIP(address!);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

const network = z.string().refine(isLogNetwork, 'must be an address or a network, such as 10.0.0.0/8');
const name = z.string().regex(/^[\w.-]{1,63}$/, 'must have 1 to 63 letters, digits, dots, hyphens and underscores');

/**
 * Where mail is handed on before it leaves: loopback, the private networks (RFC 1918, RFC 6598), and those of
 * IPv6 (RFC 4193, RFC 4291).
 */
const INSIDE = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
];

/** The programs whose lines are read. */
export const LOG_PROGRAMS = [
  'postfix',
  'opendkim',
  'opendmarc',
  'rspamd',
  'exim',
  'named',
  'knot',
  'ses',
  'sendgrid',
  'm365',
] as const;

/** `collector:` of ruawatch.yaml: where mail logs are taken (docs/logs.md). */
export const collectorSchema = z
  .strictObject({
    /** host:port for shippers over HTTP; port 0 lets the system choose one, "off" takes none. */
    listen,
    /** host:port for syslog over TCP without encryption, and over TLS. */
    syslog: z.strictObject({ listen, tls_listen: listen }).prefault({}),
    /** PEM files: with them HTTP is HTTPS, and syslog over TLS is possible. */
    tls_cert_file: z.string().min(1).optional(),
    tls_key_file: z.string().min(1).optional(),
    /** PEM file of the authority that signs certificates of syslog clients; the common name is the source. */
    client_ca_file: z.string().min(1).optional(),
    /** Sources besides those that `logs sources add` made; each token is the content of a file. */
    sources: z
      .array(
        z.strictObject({
          name,
          cluster: z.string().max(63).default(''),
          environment: z.string().max(63).default(''),
          workload: z.string().max(63).default(''),
          token_file: z.string().min(1),
          syslog_from: z.array(network).default([]),
          egress: z.array(network).default([]),
        }),
      )
      .default([]),
    /** A message is judged when no line of it came for as long. */
    window_seconds: z.number().positive().max(86_400).default(120),
    /** Days that lines and messages are kept. */
    keep_raw_days: days(7),
    keep_messages_days: days(30),
    /** Longer lines are cut. */
    max_line_bytes: z.number().int().min(512).max(1_048_576).default(16_384),
    /** The programs whose lines are read. */
    programs: z
      .array(z.enum(LOG_PROGRAMS))
      .min(1)
      .default([...LOG_PROGRAMS]),
    /** Networks in which mail is handed on: it has not left when a server there takes it. */
    inside_networks: z.array(network).default(INSIDE),
    /** A file with the key that local parts are hashed with; without it, a random key in the database. */
    key_file: z.string().min(1).optional(),
  })
  .prefault({})
  .superRefine((given, ctx) => {
    const wrong = (message: string) => ctx.addIssue({ code: 'custom', message });
    if ((given.tls_cert_file === undefined) !== (given.tls_key_file === undefined))
      wrong('needs both tls_cert_file and tls_key_file, or neither');
    if (given.syslog.tls_listen !== 'off' && given.tls_cert_file === undefined)
      wrong('has syslog.tls_listen and no certificate: set tls_cert_file and tls_key_file');
    if (given.client_ca_file !== undefined && given.syslog.tls_listen === 'off')
      wrong('has client_ca_file, which syslog.tls_listen uses, and that is off');
    if (given.keep_raw_days > given.keep_messages_days) wrong('keeps lines longer than messages: raise keep_messages_days');
    const names = given.sources.map((source) => source.name);
    if (new Set(names).size < names.length) wrong('names a source twice');
  });

type Settings = z.output<typeof collectorSchema>;

export interface Collector
  extends Omit<Settings, 'listen' | 'syslog' | 'tls_cert_file' | 'tls_key_file' | 'client_ca_file' | 'key_file'> {
  /** Each null when it is off. */
  listen: Address | null;
  syslogListen: Address | null;
  syslogTlsListen: Address | null;
  tls: { certFile: string; keyFile: string; clientCaFile: string | null } | null;
  /** Absolute; null: the key in the database. */
  keyFile: string | null;
}

interface Address {
  host: string;
  port: number;
}

/** The settings with absolute paths. */
export function toCollector(
  { listen: http, syslog, tls_cert_file, tls_key_file, client_ca_file, key_file, ...rest }: Settings,
  { listenOf, absolute }: { listenOf: (text: string) => Address | null; absolute: (file: string | undefined) => string | null },
): Collector {
  return {
    ...rest,
    sources: rest.sources.map((source) => ({ ...source, token_file: absolute(source.token_file)! })),
    listen: listenOf(http),
    syslogListen: listenOf(syslog.listen),
    syslogTlsListen: listenOf(syslog.tls_listen),
    tls:
      tls_cert_file === undefined
        ? null
        : { certFile: absolute(tls_cert_file)!, keyFile: absolute(tls_key_file)!, clientCaFile: absolute(client_ca_file) },
    keyFile: absolute(key_file),
  };
}

/** Whether the collector has anything to listen on. */
export const listensForLogs = ({ listen: http, syslogListen, syslogTlsListen }: Collector): boolean =>
  http !== null || syslogListen !== null || syslogTlsListen !== null;
