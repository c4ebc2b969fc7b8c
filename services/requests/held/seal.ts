import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { PermanentError } from '../../shared/errors.ts';

const VERSION = 1;
const IV = 12;
const TAG = 16;

const keyFor = (keyFile: Buffer, what: string): Buffer =>
  Buffer.from(hkdfSync('sha256', keyFile, Buffer.alloc(0), `ruawatch held mail: ${what}`, 32));

/**
 * The octets of a mail, encrypted (AES-256-GCM) with a key that is in a file and not in the database.
 * @param sha256 of the mail: what was sealed for one mail does not open as another
 */
export function sealBody(raw: Buffer, sha256: string, keyFile: Buffer): Buffer {
  const iv = randomBytes(IV);
  const cipher = createCipheriv('aes-256-gcm', keyFor(keyFile, 'body'), iv);
  cipher.setAAD(Buffer.from(sha256, 'hex'));
  return Buffer.concat([Buffer.from([VERSION]), iv, cipher.update(raw), cipher.final(), cipher.getAuthTag()]);
}

/** The octets again. @throws PermanentError `held_body` when another key was used, or anything was changed */
export function openBody(sealed: Buffer, sha256: string, keyFile: Buffer): Buffer {
  if (sealed[0] !== VERSION || sealed.length < 1 + IV + TAG)
    throw new PermanentError('held_body', 'The stored mail is not in a form that is known.');
  const decipher = createDecipheriv('aes-256-gcm', keyFor(keyFile, 'body'), sealed.subarray(1, 1 + IV));
  decipher.setAAD(Buffer.from(sha256, 'hex'));
  decipher.setAuthTag(sealed.subarray(-TAG));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(1 + IV, -TAG)), decipher.final()]);
  } catch (error) {
    throw new PermanentError('held_body', 'The stored mail was sealed with another milter.hold.key_file, or was changed.', error);
  }
}

/** What a link in a recipient's digest is for: one mail, one recipient, and an end. */
export interface Ask {
  held_key: number;
  recipient: string;
  /** Seconds since 1970. */
  until: number;
}

const LINK = /^(\d{1,15})\.(\d{1,12})\.([A-Za-z0-9_-]{43})$/;

const signed = ({ held_key, recipient, until }: Ask, keyFile: Buffer): Buffer =>
  createHmac('sha256', keyFor(keyFile, 'links')).update(`${held_key}\n${until}\n${recipient}`).digest();

/** The text of a link that asks for a mail. The recipient is not in it, and belongs to its signature. */
export const askToken = (ask: Ask, keyFile: Buffer): string =>
  `${ask.held_key}.${ask.until}.${signed(ask, keyFile).toString('base64url')}`;

/**
 * The mail and the end that a link names, before its signature is looked at; null for a text that is no link.
 */
export function readAskToken(token: string): { held_key: number; until: number } | null {
  const [, key, until] = LINK.exec(token) ?? [];
  return key === undefined ? null : { held_key: Number(key), until: Number(until) };
}

/**
 * The recipient that a link was made for, of those of the mail; null when it was made for none of them, or
 * its time is over.
 */
export function askerOf(token: string, recipients: readonly string[], keyFile: Buffer, now: Date): string | null {
  const named = readAskToken(token);
  if (named === null || named.until * 1000 <= now.getTime()) return null;
  const given = Buffer.from(LINK.exec(token)![3]!, 'base64url');
  return recipients.find((recipient) => timingSafeEqual(given, signed({ ...named, recipient }, keyFile))) ?? null;
}

/** SHA-256 of the octets of a mail, in hexadecimal. */
export const digestOfBytes = (raw: Buffer): string => createHash('sha256').update(raw).digest('hex');

/** The same mail in the same envelope, whoever sends it again. */
export function identityOf({
  sha256,
  envelope_from,
  recipients,
}: {
  sha256: string;
  envelope_from: string;
  recipients: readonly string[];
}): string {
  return createHash('sha256')
    .update(JSON.stringify([sha256, envelope_from, [...new Set(recipients)].sort()]))
    .digest('hex');
}
