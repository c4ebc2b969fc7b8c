import { createHmac, randomBytes } from 'node:crypto';

const STEP_SECONDS = 30;
const DIGITS = 6;
/**
 * Steps before and after now that are accepted: clocks differ, and typing takes time (RFC 6238 section 5.2).
 */
const DRIFT = 1;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** A new secret of 160 bits (RFC 4226 section 4). */
export const newSecret = (): Buffer => randomBytes(20);

/** A secret as people type it (RFC 4648 section 6, without padding). */
export function base32(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? []).map((five) => ALPHABET[Number.parseInt(five.padEnd(5, '0'), 2)]).join('');
}

/** The address that code generators read. */
export function otpauth(secret: Buffer, name: string, issuer: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(name)}`;
  return `otpauth://totp/${label}?secret=${base32(secret)}&issuer=${encodeURIComponent(issuer)}`;
}

/** The code of a step (RFC 4226 section 5.3, RFC 6238 section 4). */
export function codeAt(secret: Buffer, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const offset = mac[mac.length - 1]! & 0x0f;
  const number = mac.readUInt32BE(offset) & 0x7fffffff;
  return String(number % 10 ** DIGITS).padStart(DIGITS, '0');
}

/** The step of a moment. */
export const stepAt = (moment: Date): number => Math.floor(moment.getTime() / 1000 / STEP_SECONDS);

/**
 * The step that a code belongs to; null when it is wrong, or not newer than the last one that was used.
 * @param typed blanks in it do not count
 */
export function stepOf(typed: string, secret: Buffer, last: number | null, now: Date): number | null {
  const code = typed.replace(/\s/g, '');
  if (!/^\d{6}$/.test(code)) return null;
  const here = stepAt(now);
  for (let step = here - DRIFT; step <= here + DRIFT; step++)
    if (step > (last ?? -Infinity) && codeAt(secret, step) === code) return step;
  return null;
}
