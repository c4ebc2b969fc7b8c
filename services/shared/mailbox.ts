import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

const oauthSchema = z.strictObject({
  token_url: z.url(),
  client_id: z.string().min(1),
  client_secret: z.string().optional(),
  client_secret_file: z.string().optional(),
  refresh_token: z.string().optional(),
  refresh_token_file: z.string().optional(),
  scope: z.string().optional(),
});

/** One entry of `mailboxes:` in ruawatch.yaml. IMAP_URL alone stands for `{ url }`. */
export const mailboxSchema = z.strictObject({
  name: z.string().min(1).optional(),
  url: z.string(),
  user: z.string().optional(),
  password: z.string().optional(),
  password_file: z.string().optional(),
  oauth: oauthSchema.optional(),
  folder: z.string().min(1).optional(),
  /** What happens to a mail once its bytes are committed. `keep` leaves it untouched (the last UID alone tells what is new). */
  after: z.enum(['move', 'flag', 'delete', 'keep']).default('move'),
  move_to: z.string().min(1).default('ruawatch'),
  flag: z.string().min(1).default('$ruawatch'),
  poll_seconds: z.number().positive().default(60),
  /** IDLE is used when the server has it; false polls only. */
  idle: z.boolean().default(true),
});

export interface OAuth {
  tokenUrl: string;
  clientId: string;
  clientSecret: string | null;
  /** With one, the refresh_token grant (Gmail, delegated Microsoft 365); without, client_credentials (Microsoft 365 application). */
  refreshToken: string | null;
  scope: string | null;
}

export interface Mailbox {
  name: string;
  host: string;
  port: number;
  /** `tls`: TLS from the first byte (imaps://). `starttls`: must upgrade (imap://). `none`: only when ?tls=none asks for it. */
  security: 'tls' | 'starttls' | 'none';
  /** False only with ?tls_verify=no, for a server with a certificate of its own making. */
  verify: boolean;
  user: string;
  password: string | null;
  oauth: OAuth | null;
  folder: string;
  after: 'move' | 'flag' | 'delete' | 'keep';
  moveTo: string;
  flag: string;
  pollSeconds: number;
  idle: boolean;
}

const URL_OPTIONS = new Set(['tls', 'tls_verify', 'after', 'move_to', 'poll_seconds', 'idle']);

/**
 * Turns one entry into a mailbox. A URL may carry the folder as its path and options as its query:
 * imaps://user:password@host:993/INBOX?after=move&move_to=ruawatch
 * @throws Error whose message continues the name of the setting ("IMAP_URL must be …")
 */
export function toMailbox(input: z.input<typeof mailboxSchema>, cwd: string): Mailbox {
  const url = URL.canParse(input.url) ? new URL(input.url) : null;
  if (url === null || (url.protocol !== 'imaps:' && url.protocol !== 'imap:') || url.hostname === '') {
    throw new Error(
      'must be an IMAP URL, such as imaps://user:password@host/INBOX (special characters percent-encoded; it is not shown here).',
    );
  }
  const query: Record<string, unknown> = {};
  for (const [key, value] of url.searchParams) {
    if (!URL_OPTIONS.has(key)) throw new Error(`has an unknown option "${key}": known are ${[...URL_OPTIONS].join(', ')}.`);
    query[key] = key === 'poll_seconds' ? Number(value) : key === 'idle' ? value !== 'no' : value;
  }
  const { tls, tls_verify, ...fromQuery } = query;
  if (tls !== undefined && tls !== 'none')
    throw new Error('has tls other than "none": imaps:// is TLS, imap:// is STARTTLS, imap://…?tls=none is plain.');
  if (tls === 'none' && url.protocol === 'imaps:')
    throw new Error('is imaps:// with tls=none: use imap:// for a plain connection.');
  if (tls_verify !== undefined && tls_verify !== 'no') throw new Error('has tls_verify other than "no".');

  const parsed = mailboxSchema.safeParse({ ...input, ...fromQuery });
  if (!parsed.success) throw new Error(parsed.error.issues.map((i) => `${i.path.join('.')} ${i.message}`).join('; '));
  const entry = parsed.data;
  const user = entry.user ?? decodeURIComponent(url.username);
  const password =
    secret(entry.password, entry.password_file, 'password', cwd) ??
    (url.password === '' ? null : decodeURIComponent(url.password));
  if (user === '') throw new Error('names no user: write imaps://user:password@host, or set user.');
  if (password === null && !entry.oauth) throw new Error('has neither a password nor oauth: set one.');
  const folder = entry.folder ?? (decodeURIComponent(url.pathname.replace(/^\//, '')) || 'INBOX');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return {
    name: entry.name ?? `${user}@${host}/${folder}`,
    host,
    port: url.port === '' ? (url.protocol === 'imaps:' ? 993 : 143) : Number(url.port),
    security: url.protocol === 'imaps:' ? 'tls' : tls === 'none' ? 'none' : 'starttls',
    verify: tls_verify !== 'no',
    user,
    password,
    oauth: entry.oauth
      ? {
          tokenUrl: entry.oauth.token_url,
          clientId: entry.oauth.client_id,
          clientSecret: secret(entry.oauth.client_secret, entry.oauth.client_secret_file, 'oauth.client_secret', cwd),
          refreshToken: secret(entry.oauth.refresh_token, entry.oauth.refresh_token_file, 'oauth.refresh_token', cwd),
          scope: entry.oauth.scope ?? null,
        }
      : null,
    folder,
    after: entry.after,
    moveTo: entry.move_to,
    flag: entry.flag,
    pollSeconds: entry.poll_seconds,
    idle: entry.idle,
  };
}

function secret(value: string | undefined, file: string | undefined, name: string, cwd: string): string | null {
  if (value !== undefined && file !== undefined) throw new Error(`has both ${name} and ${name}_file: keep one.`);
  if (file === undefined) return value ?? null;
  try {
    return readFileSync(path.resolve(cwd, file), 'utf8').trim();
  } catch (error) {
    throw new Error(`${name}_file cannot be read (${error instanceof Error ? error.message : String(error)}).`);
  }
}
