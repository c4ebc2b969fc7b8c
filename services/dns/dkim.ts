import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { trimBlanks } from './tag-list.ts';

export type DkimProblemCode =
  | 'dkim_syntax'
  | 'dkim_tag_twice'
  | 'dkim_version'
  | 'dkim_no_p'
  | 'dkim_revoked'
  | 'dkim_base64'
  | 'dkim_type'
  | 'dkim_key'
  | 'dkim_key_short'
  | 'dkim_key_weak'
  | 'dkim_hash'
  | 'dkim_sha1'
  | 'dkim_service'
  | 'dkim_testing'
  | 'dkim_tag_historic';

export interface DkimProblem {
  code: DkimProblemCode;
  /** Where in the text it begins, from 0, and the part that is meant. */
  at: number;
  text: string;
}

/** A DKIM key record (RFC 6376 section 3.6.1), with what is wrong in it. */
export interface DkimKey {
  text: string;
  /** "rsa" when k= is absent; lower case. */
  type: string;
  /** Of RSA, the modulus; of Ed25519, 256. Null when the key cannot be read, or is revoked. */
  bits: number | null;
  /** p= is empty: the key was withdrawn. */
  revoked: boolean;
  /** t=y: whoever verifies is to treat the mail as if it were not signed. */
  testing: boolean;
  /** t=s: the domain of i= must be that of d=. */
  strict: boolean;
  /** The tags in their order, names in lower case. */
  tags: readonly { name: string; value: string }[];
  problems: readonly DkimProblem[];
}

/** RFC 8301 section 3.2: less is not to be verified; less than 2,048 is not to be signed with. */
const SHORT = 1024;
const WEAK = 2048;
const HISTORIC = new Set(['g']);

/**
 * Reads a key record.
 * @param text the strings of a TXT record, joined
 */
export function parseDkimKey(text: string): DkimKey {
  const { tags, problems } = readTags(text);
  const problem = (code: DkimProblemCode, name: string) => {
    const tag = tags.get(name);
    problems.push({ code, at: tag?.at ?? 0, text: tag?.text ?? text });
  };
  const listOf = (name: string) =>
    tags
      .get(name)
      ?.value.split(':')
      .map((one) => one.trim().toLowerCase());

  const v = tags.get('v');
  if (v !== undefined && (v.value !== 'DKIM1' || [...tags.keys()][0] !== 'v')) problem('dkim_version', 'v');
  const type = (tags.get('k')?.value ?? 'rsa').toLowerCase();
  const hashes = listOf('h');
  if (hashes !== undefined && !hashes.includes('sha256')) problem('dkim_hash', 'h');
  else if (hashes?.includes('sha1')) problem('dkim_sha1', 'h');
  const services = listOf('s');
  if (services !== undefined && !services.includes('email') && !services.includes('*')) problem('dkim_service', 's');
  const flags = listOf('t') ?? [];
  if (flags.includes('y')) problem('dkim_testing', 't');
  for (const name of tags.keys()) if (HISTORIC.has(name)) problem('dkim_tag_historic', name);

  const p = tags.get('p')?.value.replace(/\s+/g, '');
  const { bits, code } = keyOfTag(p, type);
  if (code !== null) problem(code, code === 'dkim_type' ? 'k' : 'p');
  return {
    text,
    type,
    bits,
    revoked: p === '',
    testing: flags.includes('y'),
    strict: flags.includes('s'),
    tags: [...tags].map(([name, { value }]) => ({ name, value })),
    problems,
  };
}

/** The size of the key in p=, and what is wrong with it. */
function keyOfTag(p: string | undefined, type: string): { bits: number | null; code: DkimProblemCode | null } {
  if (p === undefined) return { bits: null, code: 'dkim_no_p' };
  if (p === '') return { bits: null, code: 'dkim_revoked' };
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(p)) return { bits: null, code: 'dkim_base64' };
  if (type !== 'rsa' && type !== 'ed25519') return { bits: null, code: 'dkim_type' };
  const bits = bitsOf(type, Buffer.from(p, 'base64'));
  if (bits === null) return { bits, code: 'dkim_key' };
  if (type === 'rsa' && bits < SHORT) return { bits, code: 'dkim_key_short' };
  return { bits, code: type === 'rsa' && bits < WEAK ? 'dkim_key_weak' : null };
}

/** The tags of a key record, each with its place, and those that are none. */
function readTags(text: string): {
  tags: Map<string, { value: string; at: number; text: string }>;
  problems: DkimProblem[];
} {
  const problems: DkimProblem[] = [];
  const tags = new Map<string, { value: string; at: number; text: string }>();
  let at = 0;
  const parts = text.split(';');
  for (const [n, part] of parts.entries()) {
    const trimmed = trimBlanks(part);
    const begin = at + part.indexOf(trimmed);
    at += part.length + 1;
    if (trimmed === '') {
      // One semicolon at the end is allowed; between two there must be a tag (section 3.2), and OpenDKIM
      // refuses the key.
      if (n < parts.length - 1) problems.push({ code: 'dkim_syntax', at: at - 1, text: ';' });
      continue;
    }
    // The name is compared with case (section 3.2).
    const found = /^([a-z][a-z0-9_]*)\s*=\s*([\s\S]*)$/i.exec(trimmed);
    if (!found || /[^\t\r\n -~]/.test(trimmed)) problems.push({ code: 'dkim_syntax', at: begin, text: trimmed });
    else if (tags.has(found[1]!)) problems.push({ code: 'dkim_tag_twice', at: begin, text: trimmed });
    else tags.set(found[1]!, { value: found[2]!, at: begin, text: trimmed });
  }
  return { tags, problems };
}

/**
 * The type and value (`p=`) that octets are a key of, whatever their record says; null when they are none.
 */
export function keyIn(base64: string): { type: 'rsa' | 'ed25519'; p: string } | null {
  const octets = Buffer.from(base64, 'base64');
  if (bitsOf('rsa', octets) !== null) return { type: 'rsa', p: base64 };
  if (octets.length === 32) return { type: 'ed25519', p: base64 };
  const wrapped = keyOf(octets, 'spki');
  if (wrapped?.asymmetricKeyType !== 'ed25519') return null;
  // RFC 8463 section 4 publishes the key without the structure around it.
  return { type: 'ed25519', p: octets.subarray(-32).toString('base64') };
}

/**
 * Whether octets are a sequence that begins with the number of a version, as that of every private key does
 * (RFC 8017 appendix A.1.2, RFC 5208 section 5, RFC 5915 section 3) and that of no public one: OpenSSL takes
 * milliseconds to find that octets are no private key.
 */
function beginsWithVersion(der: Buffer): boolean {
  if (der[0] !== 0x30) return false;
  const [at] = lengthAt(der, 1);
  if (der[at] !== 2) return false;
  const [value, length] = lengthAt(der, at + 1);
  return length === 1 && der[value]! <= 1;
}

/** Where the content begins, and how long it says that it is. */
function lengthAt(der: Buffer, at: number): [number, number] {
  const first = der[at] ?? 0;
  if (first <= 0x80) return [at + 1, first];
  const octets = first & 0x7f;
  return [at + 1 + octets, der.subarray(at + 1, at + 1 + octets).reduce((sum, octet) => sum * 256 + octet, 0)];
}

/**
 * Whether octets are the secret half of a pair: Node takes a private key for the public one that is in it.
 */
export function isPrivateKey(der: Buffer): boolean {
  return (
    beginsWithVersion(der) &&
    (['pkcs1', 'pkcs8', 'sec1'] as const).some((type) => {
      try {
        return createPrivateKey({ key: der, format: 'der', type }).type === 'private';
      } catch {
        // OpenSSL has many messages for octets that are no private key, and that is what is asked.
        return false;
      }
    })
  );
}

/** @returns null when the octets are not a key of this type */
function bitsOf(type: 'rsa' | 'ed25519', der: Buffer): number | null {
  // RFC 8463 section 4: the 32 octets themselves.
  if (type === 'ed25519') return der.length === 32 ? 256 : null;
  // Section 3.6.1 wants an RSAPublicKey; in practice a SubjectPublicKeyInfo is published (erratum 3017).
  if (isPrivateKey(der)) return null;
  for (const form of ['spki', 'pkcs1'] as const) {
    const key = keyOf(der, form);
    if (key?.asymmetricKeyType === 'rsa') return key.asymmetricKeyDetails?.modulusLength ?? null;
  }
  return null;
}

function keyOf(key: Buffer, type: 'spki' | 'pkcs1'): KeyObject | null {
  try {
    return createPublicKey({ key, format: 'der', type });
  } catch {
    // OpenSSL has many messages for octets that are not a key; the caller has one.
    return null;
  }
}
