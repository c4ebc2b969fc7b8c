import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { normalDomain, organizationalDomain } from '../orgdomain.ts';
import { bodyHash, canonicalField, relaxedField } from './canonical.ts';
import type { Field, Header } from './header.ts';
import { unsureReading } from './steering.ts';

/** A signature whose body hash is that of the mail at hand: its signer's key decides the rest. Plain data, to be handed between threads. */
export interface Signature {
  /** d=, lower case. */
  domain: string;
  /** Where its key is published. */
  keyName: string;
  algorithm: 'rsa-sha256' | 'ed25519-sha256';
  /** i= names a domain below d=: a key with `t=s` forbids that. */
  below: boolean;
  /** What was signed: the canonical header. */
  data: Uint8Array;
  signature: Uint8Array;
}

/** What a mail's signatures come to before any key is known. */
export interface Inspection {
  signatures: Signature[];
  /** Why the others, if any, prove nothing. */
  why: string;
}

/** Signatures looked at: each costs a look-up and a public-key operation. */
const MOST_SIGNATURES = 5;
/** Seconds that a signer's clock may be ahead of the mail's arrival. */
const CLOCK_AHEAD = 3_600;
/** Bits of an RSA key: RFC 8301 section 3.2 forbids less, and more only costs time. */
const LEAST_BITS = 1_024;
const MOST_BITS = 8_192;
/** Records of one key name that are tried. */
const MOST_RECORDS = 3;

/**
 * Looks through the DKIM signatures (RFC 6376) of a mail that align with its author's domain (relaxed, RFC 9989 section 5.3.4): which of
 * them cover the From field, all that decides how the mail is read, and the whole body as it is here. The body begins where `header` says,
 * the same as for the reader, and goes to the end of the mail. Pure: the keys are asked for afterwards.
 *
 * @param from the author's domain @param at when the mail arrived: a signature may have expired since
 */
export function inspectSignatures(raw: Buffer, header: Header, from: string, at: Date): Inspection {
  const fields = header.fields.filter(({ name }) => name === 'dkim-signature');
  const found: Inspection = { signatures: [], why: fields.length === 0 ? 'the mail has no DKIM signature' : '' };
  const hashes = new Map<boolean, string>();
  let looked = 0;
  for (const field of fields) {
    const tags = tagsOf(field.value);
    const domain = normalDomain(tags?.get('d') ?? '');
    if (!tags || organizationalDomain(domain) !== organizationalDomain(from)) {
      found.why ||= `no DKIM signature is of ${from}`;
      continue;
    }
    const refused = refusal(tags, at);
    if (refused !== null) {
      found.why = refused;
      continue;
    }
    if (++looked > MOST_SIGNATURES) break;
    const names = signedNames(tags);
    const unsure = unsureReading(raw, header, new Set(names));
    if (unsure !== null) {
      found.why = unsure;
      continue;
    }
    const [headerForm, bodyForm] = (tags.get('c') ?? 'simple').toLowerCase().split('/');
    const relaxed = bodyForm === 'relaxed';
    const hash = hashes.get(relaxed) ?? bodyHash(raw, header.body, relaxed);
    hashes.set(relaxed, hash);
    if (!Buffer.from(tags.get('bh') ?? '', 'base64').equals(Buffer.from(hash, 'base64'))) {
      found.why = `the DKIM signature of ${domain} does not verify (body hash did not verify)`;
      continue;
    }
    const identity = normalDomain(tags.get('i') ?? domain);
    found.signatures.push({
      domain,
      keyName: `${tags.get('s')!.toLowerCase()}._domainkey.${domain}`,
      algorithm: tags.get('a')!.toLowerCase() as Signature['algorithm'],
      below: identity !== domain,
      data: Buffer.from(signedData(raw, header.fields, field, names, headerForm === 'relaxed'), 'latin1'),
      signature: Buffer.from(tags.get('b')!, 'base64'),
    });
  }
  return found;
}

/**
 * Why a DKIM signature of the author that somebody else verified may leave room for what is not the author's; null when none does. All
 * that align are looked at, as it is not known which of them was found to verify.
 */
export function uncovered(raw: Buffer, header: Header, from: string): string | null {
  for (const { name, value } of header.fields) {
    if (name !== 'dkim-signature') continue;
    const tags = tagsOf(value);
    if (!tags || organizationalDomain(normalDomain(tags.get('d') ?? '')) !== organizationalDomain(from)) continue;
    if (tags.has('l')) return 'a DKIM signature covers only a part of the mail (l=)';
    const unsure = unsureReading(raw, header, new Set(signedNames(tags)));
    if (unsure !== null) return unsure;
  }
  return null;
}

/** What a signer publishes that cannot be a key for this signature; null when a record verifies it. */
export function verifySignature(signature: Signature, records: readonly (readonly string[])[]): string | null {
  if (records.length === 0) return 'no key';
  let why = 'no key';
  for (const record of records.slice(0, MOST_RECORDS)) {
    const key = keyOf(record.join(''), signature);
    if (typeof key === 'string') why = key;
    else if (holds(signature, key)) return null;
    else why = 'bad signature';
  }
  return why;
}

function holds({ algorithm, data, signature }: Signature, key: KeyObject): boolean {
  if (algorithm === 'rsa-sha256') return verify('sha256', data, key, signature);
  // RFC 8463 section 3: the hash is what Ed25519 signs.
  return verify(null, createHash('sha256').update(data).digest(), key, signature);
}

/** The key of a record (RFC 6376 section 3.6.1), or why it is none. */
function keyOf(record: string, signature: Signature): KeyObject | string {
  const tags = tagsOf(record);
  if (tags === null) return 'the published key cannot be read';
  if (tags.has('v') && (tags.get('v') !== 'DKIM1' || [...tags.keys()][0] !== 'v'))
    return 'the published key is of another version';
  const p = tags.get('p');
  if (p === undefined) return 'no key';
  if (p === '') return 'the key is revoked';
  const type = tags.get('k') ?? 'rsa';
  if (type !== signature.algorithm.split('-')[0]) return `the published key is of another type (k=${type.slice(0, 20)})`;
  const among = (tag: string, ...wanted: string[]) => {
    const list = tags.get(tag)?.toLowerCase().split(':');
    return list === undefined || wanted.some((one) => list.includes(one));
  };
  if (!among('h', 'sha256')) return 'the published key is not for SHA-256 (h=)';
  if (!among('s', '*', 'email')) return 'the published key is not for mail (s=)';
  const flags = tags.get('t')?.toLowerCase().split(':') ?? [];
  // RFC 6376 section 3.6.1: mail signed with such a key must be treated like mail without a signature.
  if (flags.includes('y')) return 'its key is for tests only (t=y)';
  if (flags.includes('s') && signature.below) return 'its key is not for names below the domain (t=s)';
  return publicKey(type, p);
}

function publicKey(type: string, p: string): KeyObject | string {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(p)) return 'the published key is no base64';
  const der = Buffer.from(p, 'base64');
  try {
    if (type === 'ed25519') {
      if (der.length !== 32) return 'the published key is no Ed25519 key';
      const prefix = Buffer.from('302a300506032b6570032100', 'hex');
      return createPublicKey({ key: Buffer.concat([prefix, der]), format: 'der', type: 'spki' });
    }
    const key = rsaKey(der);
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    if (key.asymmetricKeyType !== 'rsa') return 'the published key is no RSA key';
    if (bits < LEAST_BITS) return `its key has ${bits} bits, too few to prove anything (RFC 8301)`;
    if (bits > MOST_BITS) return `its key has ${bits} bits, above ${MOST_BITS}`;
    return key;
  } catch {
    // OpenSSL's own words say nothing that helps.
    return 'the published key cannot be read';
  }
}

/** As everybody publishes it (SubjectPublicKeyInfo), or by the letter of RFC 6376 (RSAPublicKey). */
function rsaKey(der: Buffer): KeyObject {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    // The other form; what is neither throws from here.
    return createPublicKey({ key: der, format: 'der', type: 'pkcs1' });
  }
}

/** Tags whose value is base64, in which white space says nothing (RFC 6376 sections 3.5 and 3.6.1). */
const BASE64_TAGS = ['b', 'bh', 'p'];

/**
 * A tag list (RFC 6376 section 3.2) by tag, case counting; null when it is none, or names a tag twice. White space is taken out where
 * the grammar of a tag allows it: around a value, around the colons of a list, anywhere in base64.
 */
export function tagsOf(value: string): Map<string, string> | null {
  const tags = new Map<string, string>();
  const parts = value.split(';');
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1 && /^[ \t\r\n]*$/.test(part)) break;
    const equals = part.indexOf('=');
    const name = part.slice(0, Math.max(equals, 0)).replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');
    if (equals < 0 || !/^[a-z][a-z0-9_]*$/i.test(name) || tags.has(name)) return null;
    const words = part
      .slice(equals + 1)
      .split(/[ \t\r\n]+/)
      .filter((word) => word !== '');
    tags.set(name, BASE64_TAGS.includes(name) ? words.join('') : words.join(' ').replace(/ ?: ?/g, ':'));
  }
  return tags.size > 0 ? tags : null;
}

const signedNames = (tags: ReadonlyMap<string, string>): string[] => (tags.get('h') ?? '').toLowerCase().split(':');

/** Why a signature is not taken, though it may verify; null when it is. */
function refusal(tags: ReadonlyMap<string, string>, at: Date): string | null {
  if (tags.get('v') !== '1') return 'the DKIM signature is of another version';
  if (!signedNames(tags).includes('from')) return 'the DKIM signature does not cover the From field';
  if (signedNames(tags).some((name) => name.includes(' '))) return 'the DKIM signature names fields that are none (h=)';
  // With l= whatever is appended stays "signed": a report, for one (RFC 6376 section 8.2).
  if (tags.has('l')) return 'the DKIM signature covers only a part of the mail (l=)';
  if (!['rsa-sha256', 'ed25519-sha256'].includes((tags.get('a') ?? '').toLowerCase()))
    return 'the DKIM signature uses an algorithm that proves nothing any more (RFC 8301)';
  const domain = normalDomain(tags.get('d') ?? '');
  if (!/^[a-z0-9._-]+$/i.test(tags.get('s') ?? '') || !/^[a-z0-9_.-]+\.[a-z0-9-]+$/.test(domain))
    return 'the DKIM signature names a selector or domain that is none';
  if (!/^(?:simple|relaxed)(?:\/(?:simple|relaxed))?$/i.test(tags.get('c') ?? 'simple'))
    return 'the DKIM signature has a canonicalization that does not exist';
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(tags.get('b') ?? '')) return 'the DKIM signature is no base64';
  if (!(tags.get('q') ?? 'dns/txt').toLowerCase().split(':').includes('dns/txt'))
    return 'the DKIM signature has its key elsewhere than in DNS';
  const identity = tags.get('i');
  if (identity !== undefined) {
    const of = normalDomain(identity);
    if (!identity.includes('@') || (of !== domain && !of.endsWith(`.${domain}`)))
      return 'the DKIM signature is for an identity outside its domain (i=)';
  }
  return timeRefusal(tags, at);
}

/** RFC 6376 section 3.5: t= and x= are seconds since 1970. */
function timeRefusal(tags: ReadonlyMap<string, string>, at: Date): string | null {
  const seconds = (tag: string) => {
    const value = tags.get(tag);
    return value === undefined ? null : /^\d{1,12}$/.test(value) ? Number(value) : Number.NaN;
  };
  const made = seconds('t');
  const ends = seconds('x');
  if (Number.isNaN(made) || Number.isNaN(ends)) return 'the DKIM signature has a time that is none';
  const arrived = at.getTime() / 1000;
  if (made !== null && made > arrived + CLOCK_AHEAD) return 'the DKIM signature was made after the mail arrived (t=)';
  if (ends !== null && ends < arrived) return 'the DKIM signature had expired when the mail arrived (x=)';
  if (ends !== null && made !== null && ends <= made) return 'the DKIM signature expires before it was made (x=)';
  return null;
}

/** The header as it was signed (RFC 6376 section 3.7): the fields that h= names, of equals the lowest not yet taken, and the signature itself. */
function signedData(raw: Buffer, fields: readonly Field[], own: Field, names: readonly string[], relaxed: boolean): string {
  const left = new Map<string, Field[]>();
  for (const field of fields) {
    if (field === own) continue;
    const same = left.get(field.name);
    if (same) same.push(field);
    else left.set(field.name, [field]);
  }
  let data = '';
  for (const name of names) {
    const field = left.get(name)?.pop();
    if (field) data += `${canonicalField(raw, field, relaxed)}\r\n`;
  }
  const unsigned = withoutSignature(canonicalField(raw, own, false));
  return data + (relaxed ? relaxedField(unsigned) : unsigned);
}

/** The field with the value of its tag b= taken out, and all else as it was (RFC 6376 section 3.5). */
function withoutSignature(field: string): string {
  const colon = field.indexOf(':');
  const parts = field.slice(colon + 1).split(';');
  const kept = parts.map((part) => (/^[ \t\r\n]*b[ \t\r\n]*=/.test(part) ? part.slice(0, part.indexOf('=') + 1) : part));
  return `${field.slice(0, colon + 1)}${kept.join(';')}`;
}
