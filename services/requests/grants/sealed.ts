import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';

const IV = 12;
const TAG = 16;
const KEY = 32;
const PUBLIC = 'x25519:';

const privateOf = (d: string, x: string): KeyObject =>
  createPrivateKey({ key: { kty: 'OKP', crv: 'X25519', d, x }, format: 'jwk' });
const publicOf = (x: string): KeyObject => createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
const keyFor = (own: KeyObject, other: KeyObject, both: string): Buffer =>
  Buffer.from(
    hkdfSync('sha256', diffieHellman({ privateKey: own, publicKey: other }), Buffer.from(both), 'ruawatch lent secret', KEY),
  );

/**
 * A pair of keys (X25519) for what a target makes only when it lends: whoever asks keeps the secret half, the
 * plan that people approve names the other, and what is sealed with that can be opened by nobody else,
 * whatever they read.
 */
export function newSealingKey(): { secret: string; credential: string } {
  const { d, x } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' });
  return { secret: `${d}.${x}`, credential: `${PUBLIC}${x}` };
}

/** Seals a text (X25519, HKDF-SHA256, AES-256-GCM). @param credential of `newSealingKey` */
export function seal(credential: string, text: string): string {
  const x = credential.slice(PUBLIC.length);
  const own = generateKeyPairSync('x25519').privateKey;
  const mine = own.export({ format: 'jwk' }).x!;
  const iv = randomBytes(IV);
  const cipher = createCipheriv('aes-256-gcm', keyFor(own, publicOf(x), `${mine}.${x}`), iv);
  const sealed = Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `${mine}.${sealed.toString('base64url')}`;
}

/** Opens what was sealed. @throws Error when the key is another one, or the text was changed */
export function openSealed(secret: string, sealed: string): string {
  const [d = '', x = ''] = secret.trim().split('.');
  const [theirs = '', body = ''] = sealed.split('.');
  try {
    const bytes = Buffer.from(body, 'base64url');
    const key = keyFor(privateOf(d, x), publicOf(theirs), `${theirs}.${x}`);
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV)).setAuthTag(bytes.subarray(-TAG));
    return Buffer.concat([decipher.update(bytes.subarray(IV, -TAG)), decipher.final()]).toString('utf8');
  } catch (error) {
    throw new Error('The key does not open it: it was made for another request, or is incomplete.', { cause: error });
  }
}
