import { hostname } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { readSecretFile } from './secret-file.ts';
import { readServerUrl } from './server-url.ts';

/** Characters of the key file: 32 octets in base64 have 44. */
const LEAST_KEY = 32;

const command = (name: string) => z.array(z.string().min(1)).min(1).max(20).default([name]);

/** `milter.hold` of ruawatch.yaml: what becomes of mail that waits for a decision (docs/held-mail.md). */
export const heldMailSchema = z
  .strictObject({
    /** Where it waits: in the hold queue of Postfix, or, for other servers, encrypted in the database. */
    keep: z.enum(['postfix', 'store']).default('postfix'),
    /**
     * A file with at least 32 random characters: mails are stored encrypted with it, and links in digests are
     * signed.
     */
    key_file: z.string().min(1).optional(),
    /**
     * The name of the machine with the hold queue: the milter of that name carries out what is decided.
     * Without it, that of the machine.
     */
    host: z.string().min(1).max(253).optional(),
    /**
     * Where released mail goes in. Without it, Postfix lets go of the copy in its hold queue, without a
     * header that says by whom.
     */
    smtp_url: z
      .string()
      .refine(
        (value) => typeof readServerUrl(value, ['smtp', 'smtps']) === 'object',
        'must be an SMTP URL, such as smtp://127.0.0.1:10027',
      )
      .optional(),
    /**
     * Whether that is a port of Postfix that puts all mail into the hold queue: then a release happens
     * exactly once, whatever is killed.
     */
    smtp_holds: z.boolean().default(false),
    /** Programs of Postfix, with their first arguments, as the user that runs the milter may call them. */
    postsuper: command('postsuper'),
    postqueue: command('postqueue'),
    postcat: command('postcat'),
    /** What a denial does that does not say it. */
    on_denial: z.enum(['reject', 'delete']).default('delete'),
    /** What happens when nobody decides in time. It is never delivered by silence. */
    on_expiry: z.enum(['reject', 'delete']).default('reject'),
    /** Whether a rejected mail is sent back: to a sender that SPF or DKIM proves, or never. */
    bounce: z.enum(['proven', 'never']).default('proven'),
    /** Days that a mail is kept in the store after it was decided about. */
    keep_days: z.number().min(0).max(365).default(7),
    /** How many mails may wait at once. */
    most: z.int().min(1).max(1_000_000).default(5000),
    /** Hours between two mails to a recipient about what is held for him or her; 0 sends none. */
    digest_hours: z.number().min(0).max(168).default(24),
  })
  .prefault({})
  .superRefine((given, ctx) => {
    const say = (message: string) => ctx.addIssue({ code: 'custom', message });
    if (given.keep === 'store' && given.key_file === undefined)
      say('keep is store and key_file is not set: name a file with 32 random characters or more');
    if (given.keep === 'store' && given.smtp_url === undefined)
      say('keep is store and smtp_url is not set: name where released mail goes in');
    if (given.smtp_holds && given.smtp_url === undefined)
      say('smtp_holds is set and smtp_url is not: name the port that holds mail');
  });

export interface HeldMail extends Omit<z.infer<typeof heldMailSchema>, 'key_file' | 'smtp_url' | 'host'> {
  host: string;
  /** Absolute; null when none is set. */
  keyFile: string | null;
  smtpUrl: string | null;
}

export function heldMailOf({ key_file, smtp_url, host, ...rest }: z.infer<typeof heldMailSchema>, cwd: string): HeldMail {
  return {
    ...rest,
    keyFile: key_file === undefined ? null : path.resolve(cwd, key_file),
    smtpUrl: smtp_url ?? null,
    host: host ?? hostname(),
  };
}

/** The key of held mail; null when none is set. @throws Error that continues the name of the setting */
export function readHoldKey({ keyFile }: Pick<HeldMail, 'keyFile'>): Buffer | null {
  if (keyFile === null) return null;
  let text: string;
  try {
    text = readSecretFile(keyFile, '/');
  } catch (error) {
    throw new Error(`milter.hold.key_file ${messageOf(error)}.`, { cause: error });
  }
  if (text.length < LEAST_KEY)
    throw new Error(`milter.hold.key_file has ${text.length} characters, and ${LEAST_KEY} are needed.`);
  return Buffer.from(text);
}
