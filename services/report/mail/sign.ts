import { createHash, type KeyObject, sign } from 'node:crypto';
import { DEFAULT_LIMITS } from '../limits.ts';
import { bodyHash, canonicalField, relaxedField } from './canonical.ts';
import { readMailHeader } from './header.ts';

/** Who signs. */
export interface Signer {
  domain: string;
  selector: string;
  /** RSA or Ed25519. */
  key: KeyObject;
}

/** The fields that are signed where the mail has them; what decides how it is read is among them. */
const SIGNED = ['from', 'to', 'subject', 'date', 'message-id', 'mime-version', 'content-type', 'content-transfer-encoding'];

/**
 * Signs a mail with DKIM, relaxed in header and body (RFC 6376 section 5).
 * @param raw the mail, its lines ended by CRLF
 * @returns the mail with the signature above it
 */
export function signMail(raw: Buffer, { domain, selector, key }: Signer, now: Date): Buffer {
  const { fields, body } = readMailHeader(raw, DEFAULT_LIMITS);
  const names = SIGNED.filter((name) => fields.some((field) => field.name === name));
  const ed25519 = key.asymmetricKeyType === 'ed25519';
  const tags = [
    'v=1',
    `a=${ed25519 ? 'ed25519' : 'rsa'}-sha256`,
    'c=relaxed/relaxed',
    `d=${domain}`,
    `s=${selector}`,
    `t=${Math.floor(now.getTime() / 1000)}`,
    `h=${names.join(':')}`,
    `bh=${bodyHash(raw, body, true)}`,
    'b=',
  ];
  const field = `DKIM-Signature: ${tags.join(';\r\n ')}`;
  // Of fields with one name, the lowest is signed first (section 5.4.2).
  const lowest = names.map((name) => fields.findLast((one) => one.name === name)!);
  const data = `${lowest.map((one) => `${canonicalField(raw, one, true)}\r\n`).join('')}${relaxedField(field)}`;
  const bytes = Buffer.from(data, 'latin1');
  // RFC 8463 section 3: Ed25519 signs the hash.
  const signature = ed25519 ? sign(null, createHash('sha256').update(bytes).digest(), key) : sign('sha256', bytes, key);
  return Buffer.concat([Buffer.from(`${field}${signature.toString('base64')}\r\n`, 'latin1'), raw]);
}
