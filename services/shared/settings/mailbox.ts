import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { messageOf } from '../errors.ts';

const oauthSchema = z.strictObject({
  token_url: z.url(),
  client_id: z.string().min(1),
  client_secret: z.string().min(1).optional(),
  client_secret_file: z.string().optional(),
  refresh_token: z.string().min(1).optional(),
  refresh_token_file: z.string().optional(),
  scope: z.string().optional(),
});

/** One entry of `mailboxes:` in ruawatch.yaml. IMAP_URL alone stands for `{ url }`. */
export const mailboxSchema = z.strictObject({
  name: z.string().min(1).optional(),
  url: z.string(),
  user: z.string().optional(),
  password: z.string().min(1).optional(),
  password_file: z.string().optional(),
  oauth: oauthSchema.optional(),
  folder: z.string().min(1).optional(),
  /** What happens to a mail once its bytes are committed. `keep` leaves it untouched (the last UID alone tells what is new). */
  after: z.enum(['move', 'flag', 'delete', 'keep']).default('move'),
  move_to: z.string().min(1).default('ruawatch'),
  flag: z.string().min(1).default('$ruawatch'),
  /** The addresses whose mail comes here, as rua= names them, where that is not the user: aliases, or all when the user is no address. */
  addresses: z.array(z.string().regex(/^[^\s@<>]+@[^\s@<>]+$/, 'must be a mail address')).default([]),
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
  /** Whom a rua= must name to reach it: the user, where that is an address, and its aliases. Lower case. */
  addresses: string[];
  password: string | null;
  oauth: OAuth | null;
  folder: string;
  after: 'move' | 'flag' | 'delete' | 'keep';
  moveTo: string;
  flag: string;
  pollSeconds: number;
  idle: boolean;
}

const URL_OPTIONS = new Set(['tls', 'tls_verify', 'after', 'move_to', 'poll_seconds', 'idle', 'addresses']);

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
  // A raw ? or # in a password ends the host: what follows would be taken for options, and be named in messages about them.
  if (/[?#].*@/.test(input.url) || url.hash !== '')
    throw new Error(
      'has special characters that must be percent-encoded, such as %23 for # and %3F for ? (it is not shown here).',
    );
  const query: Record<string, unknown> = {};
  for (const [key, value] of url.searchParams) {
    if (!URL_OPTIONS.has(key)) throw new Error(`has an unknown option "${key}": known are ${[...URL_OPTIONS].join(', ')}.`);
    query[key] = key === 'poll_seconds' ? Number(value) : key === 'addresses' ? value.split(',') : value;
  }
  if (query.idle !== undefined) {
    if (query.idle !== 'yes' && query.idle !== 'no') throw new Error('has idle other than "yes" or "no".');
    query.idle = query.idle === 'yes';
  }
  const { tls, tls_verify, ...fromQuery } = query;
  if (tls !== undefined && tls !== 'none')
    throw new Error('has tls other than "none": imaps:// is TLS, imap:// is STARTTLS, imap://…?tls=none is plain.');
  if (tls === 'none' && url.protocol === 'imaps:')
    throw new Error('is imaps:// with tls=none: use imap:// for a plain connection.');
  if (tls_verify !== undefined && tls_verify !== 'no') throw new Error('has tls_verify other than "no".');

  const parsed = mailboxSchema.safeParse({ ...input, ...fromQuery });
  if (!parsed.success) throw new Error(`has ${parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ')}.`);
  const entry = parsed.data;
  const user = entry.user ?? decoded(url.username, 'user');
  const ofUrl = url.password === '' ? null : decoded(url.password, 'password');
  const ofEntry = secret(entry.password, entry.password_file, 'password', cwd);
  if (ofUrl !== null && ofEntry !== null) throw new Error('has a password in its url and another beside it: keep one.');
  const password = ofEntry ?? ofUrl;
  if (user === '') throw new Error('names no user: write imaps://user:password@host, or set user.');
  if (password === null && !entry.oauth) throw new Error('has neither a password nor oauth: set one.');
  const folder = entry.folder ?? (decoded(url.pathname.replace(/^\//, ''), 'folder') || 'INBOX');
  if (entry.after === 'move' && sameFolder(folder, entry.move_to))
    throw new Error('has move_to equal to its folder: name another, or set after to flag or keep.');
  const oauth = entry.oauth ? oauthOf(entry.oauth, cwd) : null;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return {
    name: entry.name ?? `${user}@${host}/${folder}`,
    host,
    port: url.port === '' ? (url.protocol === 'imaps:' ? 993 : 143) : Number(url.port),
    security: url.protocol === 'imaps:' ? 'tls' : tls === 'none' ? 'none' : 'starttls',
    verify: tls_verify !== 'no',
    user,
    addresses: [...new Set([...(/^[^\s@<>]+@[^\s@<>]+$/.test(user) ? [user] : []), ...entry.addresses].map(lower))],
    password,
    oauth,
    folder,
    after: entry.after,
    moveTo: entry.move_to,
    flag: entry.flag,
    pollSeconds: entry.poll_seconds,
    idle: entry.idle,
  };
}

const lower = (text: string) => text.toLowerCase();

function oauthOf(entry: z.infer<typeof oauthSchema>, cwd: string): OAuth {
  const oauth = {
    tokenUrl: entry.token_url,
    clientId: entry.client_id,
    clientSecret: secret(entry.client_secret, entry.client_secret_file, 'oauth.client_secret', cwd),
    refreshToken: secret(entry.refresh_token, entry.refresh_token_file, 'oauth.refresh_token', cwd),
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

/** INBOX alone has no letter case (RFC 9051 section 5.1). */
function sameFolder(a: string, b: string): boolean {
  return a === b || (a.toUpperCase() === 'INBOX' && b.toUpperCase() === 'INBOX');
}

/** @returns the value or the file's content without the line end; null when neither is set */
function secret(value: string | undefined, file: string | undefined, name: string, cwd: string): string | null {
  if (value !== undefined && file !== undefined) throw new Error(`has both ${name} and ${name}_file: keep one.`);
  if (file === undefined) return value ?? null;
  let content: string;
  try {
    content = readFileSync(path.resolve(cwd, file), 'utf8').trim();
  } catch (error) {
    throw new Error(`has a ${name}_file that cannot be read (${messageOf(error)}).`);
  }
  if (content === '') throw new Error(`has a ${name}_file that is empty.`);
  return content;
}
