import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** Octets of a TSIG secret: as many as HMAC-SHA256 has (RFC 8945 section 8). */
const SECRET = 32;
const IV = 12;
const TAG = 16;
const VERSION = 'tsig1:';

const keyOf = (keyFile: Buffer): Buffer =>
  Buffer.from(hkdfSync('sha256', keyFile, Buffer.alloc(0), 'ruawatch lent TSIG secrets', 32));

/**
 * A new TSIG secret, and what is stored of it: to verify a signature takes the secret itself, so it is kept
 * encrypted (AES-256-GCM) with a key that is in a file and not in the database.
 * @param keyFile the octets of that file
 */
export function newTsigCredential(keyFile: Buffer): { secret: string; credential: string } {
  const secret = randomBytes(SECRET);
  const iv = randomBytes(IV);
  const cipher = createCipheriv('aes-256-gcm', keyOf(keyFile), iv);
  const sealed = Buffer.concat([iv, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
  return { secret: secret.toString('base64'), credential: `${VERSION}${sealed.toString('base64')}` };
}

/** The secret of a credential. @throws Error when it was made with another file, or was changed */
export function openCredential(credential: string, keyFile: Buffer): Buffer {
  const sealed = Buffer.from(credential.slice(VERSION.length), 'base64');
  if (!credential.startsWith(VERSION) || sealed.length !== IV + SECRET + TAG)
    throw new Error('The credential of the grant is none of a TSIG key.');
  const decipher = createDecipheriv('aes-256-gcm', keyOf(keyFile), sealed.subarray(0, IV));
  decipher.setAuthTag(sealed.subarray(-TAG));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(IV, -TAG)), decipher.final()]);
  } catch (error) {
    throw new Error('The credential of the grant was made with another gateway.key_file, or was changed.', { cause: error });
  }
}
