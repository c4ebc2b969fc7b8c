import { type BinaryLike, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/** OWASP's parameters for scrypt with 32 MiB: 0.2 s on one core. */
const COST = { N: 2 ** 15, r: 8, p: 3 };
const BYTES = 32;
/** Twice what the parameters need. */
const MEMORY = 64 * 1024 * 1024;
/** Hashes that are computed at once: each takes 32 MiB and a thread of Node's four. */
const AT_ONCE = 2;
/** A shorter password is refused. */
export const SHORTEST_PASSWORD = 12;
/** Longer ones are refused before they are hashed. */
export const LONGEST_PASSWORD = 256;

const hashOf = promisify<BinaryLike, BinaryLike, number, ScryptOptions, Buffer>(scrypt);

let running = 0;
const waiting: (() => void)[] = [];

async function derive(password: string, salt: Buffer, { N, r, p }: ScryptOptions): Promise<Buffer> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    return await hashOf(password.normalize('NFKC'), salt, BYTES, { N: N!, r: r!, p: p!, maxmem: MEMORY });
  } finally {
    running--;
    waiting.shift()?.();
  }
}

/** What is stored of a password: `scrypt$N$r$p$salt$hash`, in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, COST);
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

const NOBODY = `scrypt$${COST.N}$${COST.r}$${COST.p}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/**
 * Whether a password is the stored one. Takes as long where nothing is stored, so that the time does not show
 * which names exist.
 */
export async function isPassword(password: string, stored: string | null): Promise<boolean> {
  const [scheme, N, r, p, salt, hash] = (stored ?? NOBODY).split('$');
  const expected = Buffer.from(hash ?? '', 'base64url');
  if (scheme !== 'scrypt' || expected.length !== BYTES) return false;
  const given = await derive(password, Buffer.from(salt!, 'base64url'), { N: Number(N), r: Number(r), p: Number(p) });
  return timingSafeEqual(given, expected) && stored !== null;
}
