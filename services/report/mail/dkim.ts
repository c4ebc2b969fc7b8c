import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { normalDomain, organizationalDomain } from '../orgdomain.ts';
import { bodyHash, canonicalField, relaxedField } from './canonical.ts';
import type { Field, Header } from './header.ts';
import { unsureReading } from './steering.ts';

/**
 * A signature whose body hash matches the mail: the signer's key decides the rest. Plain data, passed between
 * threads.
 */
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

/** Why a signature proves nothing, with its result in the terms of RFC 8601 section 2.7.1. */
export interface Refused {
  result: 'fail' | 'permerror' | 'policy';
  why: string;
}

const refused = (result: Refused['result'], why: string): Refused => ({ result, why });

/** The result of a mail's signatures before any key is known. */
export interface Inspection {
  signatures: Signature[];
  /** Why the other signatures, if any, prove nothing. */
  why: string;
}

/** Signatures that are checked: each costs a DNS query and a public-key operation. */
const MAX_SIGNATURES = 5;
/** Seconds that a signer's clock may be ahead of the mail's arrival. */
const CLOCK_AHEAD = 3_600;
/** Bits of an RSA key: RFC 8301 section 3.2 forbids fewer, and more only cost time. */
const MIN_BITS = 1_024;
const MAX_BITS = 8_192;
/** Records of one key name that are tried. */
const MAX_RECORDS = 3;

/**
 * Selects, of the DKIM signatures (RFC 6376) that align with the author's domain (relaxed, RFC 9989 section
 * 5.3.4), those that cover the From field, everything that decides how the mail is read, and the whole body.
 * The body begins where `header` says, as it does for the reader, and goes to the end of the mail. Pure: the
 * keys are looked up afterwards.
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
      found.why ||= `no DKIM signature is by ${from}`;
      continue;
    }
    const wrong = refusalOf(tags, at);
    if (wrong !== null) {
      found.why = wrong.why;
      continue;
    }
    if (++looked > MAX_SIGNATURES) break;
    const unsure = unsureReading(raw, header, new Set(signedNames(tags)));
    if (unsure !== null) {
      found.why = unsure;
      continue;
    }
    const relaxed = bodyIsRelaxed(tags);
    const hash = hashes.get(relaxed) ?? bodyHash(raw, header.body, relaxed);
    hashes.set(relaxed, hash);
    if (!hashMatches(tags, hash)) {
      found.why = `the DKIM signature of ${domain} does not verify (body hash did not verify)`;
      continue;
    }
    found.signatures.push(signatureOf(raw, header, field, tags));
  }
  return found;
}

function bodyIsRelaxed(tags: ReadonlyMap<string, string>): boolean {
  return tags.get('c')?.toLowerCase().split('/')[1] === 'relaxed';
}

function hashMatches(tags: ReadonlyMap<string, string>, hash: string): boolean {
  return Buffer.from(tags.get('bh') ?? '', 'base64').equals(Buffer.from(hash, 'base64'));
}

/** @param tags of the field, which refusal() accepts */
export function signatureOf(raw: Buffer, header: Header, field: Field, tags: ReadonlyMap<string, string>): Signature {
  const relaxed = tags.get('c')?.toLowerCase().split('/')[0] === 'relaxed';
  const below = normalDomain(tags.get('i') ?? tags.get('d')!) !== normalDomain(tags.get('d')!);
  return asSignature(tags, below, signedData(raw, header.fields, { own: field, names: signedNames(tags), relaxed }));
}

/**
 * Why a DKIM signature of the author that another server verified may not cover the whole mail; null when all
 * cover it. All signatures that align are checked, as it is not known which of them that server verified.
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

/** What a key is asked about. @param below i= names a domain below d= @param data the canonical header */
export function asSignature(tags: ReadonlyMap<string, string>, below: boolean, data: string): Signature {
  const domain = normalDomain(tags.get('d')!);
  return {
    domain,
    keyName: `${tags.get('s')!.toLowerCase()}._domainkey.${domain}`,
    algorithm: tags.get('a')!.toLowerCase() as Signature['algorithm'],
    below,
    data: Buffer.from(data, 'latin1'),
    signature: Buffer.from(tags.get('b')!, 'base64'),
  };
}

/** Why none of the published records verifies the signature; null when one does. */
export function verifySignature(signature: Signature, records: readonly (readonly string[])[]): Refused | null {
  let why = refused('permerror', 'no key');
  for (const record of records.slice(0, MAX_RECORDS)) {
    const key = keyOf(record.join(''), signature);
    if ('why' in key) why = key;
    else if (holds(signature, key)) return null;
    else why = refused('fail', 'bad signature');
  }
  return why;
}

function holds({ algorithm, data, signature }: Signature, key: KeyObject): boolean {
  if (algorithm === 'rsa-sha256') return verify('sha256', data, key, signature);
  // RFC 8463 section 3: Ed25519 signs the hash.
  return verify(null, createHash('sha256').update(data).digest(), key, signature);
}

/** The key in a record (RFC 6376 section 3.6.1), or why there is none. */
function keyOf(record: string, signature: Signature): KeyObject | Refused {
  const unusable = (why: string) => refused('permerror', why);
  const tags = tagsOf(record);
  if (tags === null) return unusable('the published key cannot be read');
  if (tags.has('v') && (tags.get('v') !== 'DKIM1' || [...tags.keys()][0] !== 'v'))
    return unusable('the published key is of another version');
  const p = tags.get('p');
  if (p === undefined) return unusable('no key');
  if (p === '') return unusable('the key is revoked');
  const type = tags.get('k') ?? 'rsa';
  if (type !== signature.algorithm.split('-')[0])
    return unusable(`the published key is of another type (k=${type.slice(0, 20)})`);
  const among = (tag: string, ...wanted: string[]) => {
    const list = tags.get(tag)?.toLowerCase().split(':');
    return list === undefined || wanted.some((one) => list.includes(one));
  };
  if (!among('h', 'sha256')) return unusable('the published key is not for SHA-256 (h=)');
  if (!among('s', '*', 'email')) return unusable('the published key is not for mail (s=)');
  const flags = tags.get('t')?.toLowerCase().split(':') ?? [];
  // RFC 6376 section 3.6.1: mail signed with such a key must be treated like mail without a signature.
  if (flags.includes('y')) return refused('policy', 'its key is for tests only (t=y)');
  if (flags.includes('s') && signature.below) return unusable('its key is not for names below the domain (t=s)');
  return publicKey(type, p);
}

function publicKey(type: string, p: string): KeyObject | Refused {
  const unusable = (why: string) => refused('permerror', why);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(p)) return unusable('the published key is not base64');
  const der = Buffer.from(p, 'base64');
  try {
    if (type === 'ed25519') {
      if (der.length !== 32) return unusable('the published key is not an Ed25519 key');
      const prefix = Buffer.from('302a300506032b6570032100', 'hex');
      return createPublicKey({ key: Buffer.concat([prefix, der]), format: 'der', type: 'spki' });
    }
    const key = rsaKey(der);
    if (key.asymmetricKeyType !== 'rsa') return unusable('the published key is not an RSA key');
    const bits = key.asymmetricKeyDetails!.modulusLength!;
    if (bits < MIN_BITS) return refused('policy', `its key has ${bits} bits, too few to prove anything (RFC 8301)`);
    if (bits > MAX_BITS) return refused('policy', `its key has ${bits} bits, above ${MAX_BITS}`);
    return key;
  } catch {
    // OpenSSL's message would not help anybody.
    return unusable('the published key cannot be read');
  }
}

/** A key in the form in common use (SubjectPublicKeyInfo), or in that of RFC 6376 (RSAPublicKey). */
function rsaKey(der: Buffer): KeyObject {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    // The other form; a key in neither form throws here.
    return createPublicKey({ key: der, format: 'der', type: 'pkcs1' });
  }
}

/** Tags whose value is base64, in which white space is ignored (RFC 6376 sections 3.5 and 3.6.1). */
const BASE64_TAGS = ['b', 'bh', 'p'];

/**
 * A tag list (RFC 6376 section 3.2) by tag, case-sensitive; null when it is not valid, or names a tag twice.
 * White space is removed where the grammar of a tag allows it: around a value, around the colons of a list,
 * anywhere in base64.
 */
export function tagsOf(value: string): Map<string, string> | null {
  const tags = new Map<string, string>();
  const parts = value.split(';');
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1 && /^[ \t\r\n]*$/.test(part)) break;
    const head = /^[ \t\r\n]*([a-z][a-z0-9_]*)[ \t\r\n]*=/i.exec(part);
    const name = head?.[1];
    if (name === undefined || tags.has(name)) return null;
    const words = part
      .slice(head![0].length)
      .split(/[ \t\r\n]+/)
      .filter((word) => word !== '');
    tags.set(name, BASE64_TAGS.includes(name) ? words.join('') : words.join(' ').replace(/ ?: ?/g, ':'));
  }
  return tags.size > 0 ? tags : null;
}

/** The names in h=, lower case. */
export const signedNames = (tags: ReadonlyMap<string, string>): string[] => (tags.get('h') ?? '').toLowerCase().split(':');

const PARTIAL = 'the DKIM signature covers only a part of the mail (l=)';
const ALGORITHMS = ['rsa-sha256', 'ed25519-sha256'];

/** As `refusal`; with l=, anything appended stays "signed", such as another report (RFC 6376 section 8.2). */
const refusalOf = (tags: ReadonlyMap<string, string>, at: Date): Refused | null =>
  refusal(tags, at) ?? (tags.has('l') ? refused('policy', PARTIAL) : null);

/**
 * Why a signature is not accepted, although it may verify; null when it is accepted. Of l= it says nothing.
 */
export function refusal(tags: ReadonlyMap<string, string>, at: Date): Refused | null {
  const invalid = (why: string) => refused('permerror', why);
  if (tags.get('v') !== '1') return invalid('the DKIM signature is of another version');
  if (!signedNames(tags).includes('from')) return invalid('the DKIM signature does not cover the From field');
  const wrong = formRefusal(tags);
  if (wrong !== null) return wrong;
  if (!(tags.get('q') ?? 'dns/txt').toLowerCase().split(':').includes('dns/txt'))
    return invalid('the key of the DKIM signature is not in DNS (q=)');
  const domain = normalDomain(tags.get('d') ?? '');
  const identity = tags.get('i');
  if (identity !== undefined) {
    const of = normalDomain(identity);
    if (!identity.includes('@') || (of !== domain && !of.endsWith(`.${domain}`)))
      return invalid('the DKIM signature is for an identity outside its domain (i=)');
  }
  return timeRefusal(tags, at);
}

/**
 * Of the tags that signatures of DKIM and of ARC (RFC 8617 section 4.1.2) have in common: why one is not
 * accepted.
 */
export function formRefusal(tags: ReadonlyMap<string, string>): Refused | null {
  const invalid = (why: string) => refused('permerror', why);
  if (signedNames(tags).some((name) => name.includes(' '))) return invalid('the DKIM signature names invalid fields (h=)');
  if (!ALGORITHMS.includes((tags.get('a') ?? '').toLowerCase()))
    return refused('policy', 'the DKIM signature uses an algorithm that no longer proves anything (RFC 8301)');
  const domain = normalDomain(tags.get('d') ?? '');
  if (!/^[a-z0-9._-]+$/i.test(tags.get('s') ?? '') || !/^[a-z0-9_.-]+\.[a-z0-9-]+$/.test(domain))
    return invalid('the DKIM signature names an invalid selector or domain');
  if (!/^(?:simple|relaxed)(?:\/(?:simple|relaxed))?$/i.test(tags.get('c') ?? 'simple'))
    return invalid('the DKIM signature has a canonicalization that does not exist');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(tags.get('b') ?? '')) return invalid('the DKIM signature is not base64');
  return null;
}

/** RFC 6376 section 3.5: t= and x= are seconds since 1970. */
function timeRefusal(tags: ReadonlyMap<string, string>, at: Date): Refused | null {
  const seconds = (tag: string) => {
    const value = tags.get(tag);
    return value === undefined ? null : /^\d{1,12}$/.test(value) ? Number(value) : Number.NaN;
  };
  const made = seconds('t');
  const ends = seconds('x');
  if (Number.isNaN(made) || Number.isNaN(ends)) return refused('permerror', 'the DKIM signature has an invalid time');
  const arrived = at.getTime() / 1000;
  if (made !== null && made > arrived + CLOCK_AHEAD)
    return refused('policy', 'the DKIM signature was made after the mail arrived (t=)');
  if (ends !== null && ends < arrived) return refused('permerror', 'the DKIM signature had expired when the mail arrived (x=)');
  if (ends !== null && made !== null && ends <= made)
    return refused('permerror', 'the DKIM signature expires before it was made (x=)');
  return null;
}

/**
 * The header as it was signed (RFC 6376 section 3.7): the fields in h=, of fields with one name the lowest
 * unused, and the signature.
 */
export function signedData(
  raw: Buffer,
  fields: readonly Field[],
  { own, names, relaxed }: { own: Field; names: readonly string[]; relaxed: boolean },
): string {
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

/** The field without the value of its tag b=, and otherwise unchanged (RFC 6376 section 3.5). */
export function withoutSignature(field: string): string {
  const colon = field.indexOf(':');
  const parts = field.slice(colon + 1).split(';');
  const kept = parts.map((part) => (/^[ \t\r\n]*b[ \t\r\n]*=/.test(part) ? part.slice(0, part.indexOf('=') + 1) : part));
  return `${field.slice(0, colon + 1)}${kept.join(';')}`;
}
