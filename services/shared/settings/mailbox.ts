import { z } from 'zod';
import { secretOf } from './secret-file.ts';
import { ENCODE_HINT, readServerUrl } from './server-url.ts';

const ADDRESS = /^[^\s@<>]+@[^\s@<>]+$/;

const oauthSchema = z.strictObject({
  token_url: z.url(),
  client_id: z.string().min(1),
  client_secret: z.string().min(1).optional(),
  client_secret_file: z.string().optional(),
  refresh_token: z.string().min(1).optional(),
  refresh_token_file: z.string().optional(),
  scope: z.string().optional(),
});

/** One entry of `mailboxes:` in ruawatch.yaml. IMAP_URL is the same as an entry with a `url` alone. */
export const mailboxSchema = z.strictObject({
  name: z.string().min(1).optional(),
  url: z.string(),
  user: z.string().optional(),
  password: z.string().min(1).optional(),
  password_file: z.string().optional(),
  oauth: oauthSchema.optional(),
  folder: z.string().min(1).optional(),
  /**
   * What happens to a mail once it is stored. `keep` leaves it untouched: new mails are recognized by their
   * UID alone.
   */
  after: z.enum(['move', 'flag', 'delete', 'keep']).default('move'),
  move_to: z.string().min(1).default('ruawatch'),
  flag: z.string().min(1).default('$ruawatch'),
  /** Whether mails that are moved are marked as read (\Seen) first. */
  mark_read: z.boolean().default(false),
  /**
   * Addresses that rua= may name for this mailbox beside the user: aliases, or all of them when the user is
   * not an address.
   */
  addresses: z.array(z.string().regex(ADDRESS, 'must be a mail address')).default([]),
  poll_seconds: z.number().positive().default(60),
  /** Whether to use IDLE where the server supports it; without it the mailbox is only polled. */
  idle: z.boolean().default(true),
});

export interface OAuth {
  tokenUrl: string;
  clientId: string;
  clientSecret: string | null;
  /**
   * With one, the refresh_token grant (Gmail, delegated Microsoft 365); without, client_credentials
   * (Microsoft 365 application).
   */
  refreshToken: string | null;
  scope: string | null;
}

export interface Mailbox {
  name: string;
  host: string;
  port: number;
  /**
   * `tls`: TLS from the first byte (imaps://). `starttls`: must upgrade (imap://). `none`: only when
   * ?tls=none asks for it.
   */
  security: 'tls' | 'starttls' | 'none';
  /** False only with ?tls_verify=no, for a server with a self-signed certificate. */
  verify: boolean;
  user: string;
  /**
   * The addresses in rua= that lead here: the user, where that is an address, and the aliases. Lower case.
   */
  addresses: string[];
  password: string | null;
  oauth: OAuth | null;
  folder: string;
  after: 'move' | 'flag' | 'delete' | 'keep';
  moveTo: string;
  flag: string;
  markRead: boolean;
  pollSeconds: number;
  idle: boolean;
}

const URL_OPTIONS = new Set(['tls', 'tls_verify', 'after', 'move_to', 'poll_seconds', 'idle', 'addresses', 'mark_read']);

/**
 * Turns one entry into a mailbox. A URL may carry the folder as its path and options as its query:
 * imaps://user:password@host:993/INBOX?after=move&move_to=ruawatch
 * @throws Error whose message continues the name of the setting ("IMAP_URL must be …")
 */
export function toMailbox(input: z.input<typeof mailboxSchema>, cwd: string): Mailbox {
  const url = parseUrl(input.url);
  const { tls, verify, options } = readOptions(url);
  const parsed = mailboxSchema.safeParse({ ...input, ...options });
  if (!parsed.success) throw new Error(`has ${parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ')}.`);
  const entry = parsed.data;
  const user = entry.user ?? decoded(url.username, 'user');
  if (user === '') throw new Error('names no user: write imaps://user:password@host, or set user.');
  const password = passwordOf(url, entry, cwd);
  if (password === null && !entry.oauth) throw new Error('has neither a password nor oauth: set one.');
  const folder = entry.folder ?? (decoded(url.pathname.replace(/^\//, ''), 'folder') || 'INBOX');
  if (entry.after === 'move' && sameFolder(folder, entry.move_to))
    throw new Error('has move_to equal to its folder: name another, or set after to flag or keep.');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return {
    name: entry.name ?? `${user}@${host}/${folder}`,
    host,
    port: url.port === '' ? (url.protocol === 'imaps:' ? 993 : 143) : Number(url.port),
    security: url.protocol === 'imaps:' ? 'tls' : tls ? 'starttls' : 'none',
    verify,
    user,
    addresses: [...new Set([...(ADDRESS.test(user) ? [user] : []), ...entry.addresses].map((each) => each.toLowerCase()))],
    password,
    oauth: entry.oauth ? oauthOf(entry.oauth, cwd) : null,
    folder,
    after: entry.after,
    moveTo: entry.move_to,
    flag: entry.flag,
    markRead: entry.mark_read,
    pollSeconds: entry.poll_seconds,
    idle: entry.idle,
  };
}

function parseUrl(text: string): URL {
  const url = readServerUrl(text, ['imaps', 'imap']);
  if (url === 'encode') throw new Error(`${ENCODE_HINT}.`);
  if (url === 'unreadable' || url.hostname === '') {
    throw new Error(
      'must be an IMAP URL, such as imaps://user:password@host/INBOX (special characters percent-encoded; it is not shown here).',
    );
  }
  return url;
}

/**
 * The options in the URL's query. `tls` and `verify` exist there only; the others may also be keys of the
 * entry.
 */
function readOptions(url: URL): { tls: boolean; verify: boolean; options: Record<string, unknown> } {
  const query: Record<string, unknown> = {};
  for (const [key, value] of url.searchParams) {
    if (!URL_OPTIONS.has(key)) throw new Error(`has an unknown option "${key}": known are ${[...URL_OPTIONS].join(', ')}.`);
    query[key] = key === 'poll_seconds' ? Number(value) : key === 'addresses' ? value.split(',') : value;
  }
  for (const name of ['idle', 'mark_read']) {
    if (query[name] === undefined) continue;
    if (query[name] !== 'yes' && query[name] !== 'no') throw new Error(`has ${name} other than "yes" or "no".`);
    query[name] = query[name] === 'yes';
  }
  const { tls, tls_verify, ...options } = query;
  if (tls !== undefined && tls !== 'none')
    throw new Error('has tls other than "none": imaps:// is TLS, imap:// is STARTTLS, imap://…?tls=none is plain.');
  if (tls === 'none' && url.protocol === 'imaps:')
    throw new Error('is imaps:// with tls=none: use imap:// for a plain connection.');
  if (tls_verify !== undefined && tls_verify !== 'no') throw new Error('has tls_verify other than "no".');
  return { tls: tls !== 'none', verify: tls_verify !== 'no', options };
}

function passwordOf(url: URL, entry: z.infer<typeof mailboxSchema>, cwd: string): string | null {
  const ofUrl = url.password === '' ? null : decoded(url.password, 'password');
  const ofEntry = secretOf(entry.password, entry.password_file, 'password', cwd);
  if (ofUrl !== null && ofEntry !== null) throw new Error('has a password in its url and another beside it: keep one.');
  return ofEntry ?? ofUrl;
}

function oauthOf(entry: z.infer<typeof oauthSchema>, cwd: string): OAuth {
  const oauth = {
    tokenUrl: entry.token_url,
    clientId: entry.client_id,
    clientSecret: secretOf(entry.client_secret, entry.client_secret_file, 'oauth.client_secret', cwd),
    refreshToken: secretOf(entry.refresh_token, entry.refresh_token_file, 'oauth.refresh_token', cwd),
    scope: entry.scope ?? null,
  };
  if (oauth.clientSecret === null && oauth.refreshToken === null)
    throw new Error('has oauth with neither refresh_token nor client_secret: set the one your provider gave you, or both.');
  return oauth;
}

function decoded(part: string, name: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Error(`has a % in its ${name} that must be written %25 (it is not shown here).`);
  }
}

/** Folder names are case-sensitive except for INBOX (RFC 9051 section 5.1). */
function sameFolder(a: string, b: string): boolean {
  return a === b || (a.toUpperCase() === 'INBOX' && b.toUpperCase() === 'INBOX');
}
