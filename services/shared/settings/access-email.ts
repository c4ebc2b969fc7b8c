import path from 'node:path';
import { z } from 'zod';
import { connectionSettings, readPostgresUrl } from './postgres-url.ts';
import { secretOf } from './secret-file.ts';

const command = z.array(z.string().min(1)).min(1);

/** What a submission server that lends accounts has beside what all targets have. */
export const EMAIL_KEYS = {
  /** The addresses that may be lent; "@example.com" for all of a domain. */
  addresses: z
    .array(z.string().regex(/^[a-z0-9._%+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)+$/, 'must be an address in lower case, or @example.com'))
    .min(1)
    .max(1000),
  /** A passwd-file of Dovecot for lent accounts. */
  passwd_file: z.string().min(1).optional(),
  /**
   * Of passwd_file: a table of Postfix (smtpd_sender_login_maps), and what makes it readable, such as
   * [postmap, "hash:FILE"].
   */
  senders_file: z.string().min(1).optional(),
  postmap: command.optional(),
  /** A Postgres that Dovecot and Postfix read, prepared with "ruawatch access setup". */
  url: z.string().optional(),
  url_file: z.string().optional(),
  /** A program that lends, ends and lists (docs/access.md). */
  command: command.optional(),
  /** How doveadm is called: it ends the sessions of an account, and makes Dovecot forget its password. */
  doveadm: command.optional(),
};

interface Given {
  passwd_file?: string | undefined;
  senders_file?: string | undefined;
  postmap?: string[] | undefined;
  url?: string | undefined;
  url_file?: string | undefined;
  command?: string[] | undefined;
  doveadm?: string[] | undefined;
}

/** What is wrong with an entry. */
export function emailMistakes(given: Given): string[] {
  const { passwd_file, senders_file, postmap, url, url_file } = given;
  const ways = [passwd_file, url ?? url_file, given.command].filter((one) => one !== undefined);
  const mistakes: string[] = [];
  if (ways.length !== 1) mistakes.push('needs either passwd_file, or url_file (or url), or command');
  if (url !== undefined && url_file !== undefined) mistakes.push('needs url_file, or url, not both');
  if ((senders_file === undefined) !== (postmap === undefined)) mistakes.push('senders_file and postmap belong together');
  if (senders_file !== undefined && passwd_file === undefined) mistakes.push('has a senders_file, which is of passwd_file');
  if (passwd_file !== undefined && senders_file === undefined)
    mistakes.push('needs senders_file and postmap: without them an account could send as anybody');
  return mistakes;
}

/** How a submission server knows lent accounts. */
export type MailAccounts =
  | { by: 'file'; file: string; senders: string; postmap: readonly string[] }
  /** `url` reads it: it is kept no longer than a connection takes. */
  | { by: 'sql'; url(): string }
  | { by: 'command'; command: readonly string[] };

/** A program of the settings: with a slash it is a path from where the settings are. */
export const programOf = ([program, ...args]: readonly string[], cwd: string): string[] => [
  program!.includes('/') ? path.resolve(cwd, program!) : program!,
  ...args,
];

/** @param cwd what paths are relative to */
export function mailAccountsOf(given: Given, cwd: string): MailAccounts {
  const at = (program: readonly string[]) => programOf(program, cwd);
  if (given.command !== undefined) return { by: 'command', command: at(given.command) };
  if (given.passwd_file !== undefined)
    return {
      by: 'file',
      file: path.resolve(cwd, given.passwd_file),
      senders: path.resolve(cwd, given.senders_file!),
      postmap: at(given.postmap!),
    };
  return {
    by: 'sql',
    url: () => {
      const url = secretOf(given.url, given.url_file, 'url', cwd)!;
      connectionSettings(url);
      return url;
    },
  };
}

/** Why a URL in the settings cannot be used; null when it can. */
export const wrongUrl = (url: string | undefined): string | null => {
  const read = url === undefined ? null : readPostgresUrl(url);
  return typeof read === 'string' ? read : null;
};

/** Whether an address is among those of a server. */
export const mayLend = ({ addresses }: { addresses: readonly string[] }, from: string): boolean =>
  addresses.some((one) => (one.startsWith('@') ? from.endsWith(one) : from === one));
