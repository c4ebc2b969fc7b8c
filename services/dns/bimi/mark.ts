import { createHash, X509Certificate } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { type Der, hexOf, IA5_STRING, OBJECT_ID, OCTETS, partsOf, SEQUENCE, SET, within } from './der.ts';

/** Whom to believe about marks, and when. */
export interface MarkTrust {
  /** Certificates of mark verifying authorities, as PEM. */
  roots: readonly string[];
  now: Date;
}

/** A mark certificate (VMC or CMC), and what a receiver finds out about it. */
export interface Mark {
  /** Its names, in lower case. */
  domains: readonly string[];
  issuer: string;
  /** As its subject says, such as "Registered Mark"; null when it says nothing. */
  type: string | null;
  from: Date;
  until: Date;
  /** Whether the first certificate is an authority's: what else it says is about no mark then. */
  ofAuthority: boolean;
  /** Why the chain leads to no authority, as a sentence; null when it leads to one. */
  chain: string | null;
  /** When the first certificate of the chain ends, and whether all of them are valid now. */
  validNow: boolean;
  chainUntil: Date;
  /** Whether it is for showing marks (id-kp-BrandIndicatorforMessageIdentification). */
  forMarks: boolean;
  logo: MarkLogo;
}

export type MarkLogo = { svg: Uint8Array; problem: null } | { svg: null; problem: string };

/**
 * A logo of 32 KB in base64 beside a chain of a few certificates; an archive unpacks to no more than the logo
 * itself may have.
 */
export const MOST_OCTETS = 262_144;
const MOST_CERTIFICATES = 10;
const MOST_LOGO = 1_048_576;

const EXTENDED_KEY_USAGE_MARK = '1.3.6.1.5.5.7.3.31';
/** Object identifiers as they are encoded. */
const SUBJECT_ALT_NAME = '551d11';
const LOGOTYPE = '2b0601050507010c';
const MARK_TYPE = '2b06010401839e5f010d';
const HASHES: Readonly<Record<string, string>> = {
  '2b0e03021a': 'sha1',
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
};

/**
 * Reads a chain of certificates, the mark's first, and follows it to one of the authorities. Signatures are
 * verified (`X509Certificate.checkIssued` compares names alone). Any input is safe: nothing is loaded, and
 * sizes are bounded.
 * @returns a sentence when the document is no such chain
 */
export function readMark(pem: string, { roots, now }: MarkTrust): Mark | string {
  const texts = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (texts.length === 0) return 'It has no certificate in PEM.';
  if (texts.length > MOST_CERTIFICATES) return `It has ${texts.length} certificates, more than a chain may have.`;
  const chain = texts.map(certificateOf);
  if (chain.includes(null)) return 'One of its certificates cannot be read.';
  const [leaf, ...others] = chain as X509Certificate[];
  const extensions = extensionsOf(leaf!);
  const authorities = roots.flatMap((text) => certificateOf(text) ?? []);
  const way = wayOf(leaf!, others, authorities);
  const from = new Date(leaf!.validFrom);
  const until = new Date(leaf!.validTo);
  const all = [leaf!, ...(typeof way === 'string' ? [] : way)];
  return {
    domains: namesOf(extensions.get(SUBJECT_ALT_NAME)),
    issuer: /^(?:O|CN)=(.*)$/m.exec(leaf!.issuer)?.[1]?.replaceAll('\\', '').slice(0, 100) ?? 'an authority without a name',
    type: subjectOf(leaf!, MARK_TYPE),
    from,
    until,
    ofAuthority: leaf!.ca,
    chain: typeof way === 'string' ? way : null,
    validNow: all.every((one) => new Date(one.validFrom) <= now && now <= new Date(one.validTo)),
    chainUntil: new Date(Math.min(...all.map((one) => new Date(one.validTo).getTime()))),
    forMarks: (leaf!.keyUsage ?? []).includes(EXTENDED_KEY_USAGE_MARK),
    logo: logoOf(extensions.get(LOGOTYPE)),
  };
}

function certificateOf(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    // OpenSSL has many messages for what is no certificate; the caller has one.
    return null;
  }
}

/** The certificates from the one above the leaf to the authority, or why there is no way, as a sentence. */
function wayOf(
  leaf: X509Certificate,
  others: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): X509Certificate[] | string {
  if (leaf.ca)
    return 'Its first certificate is that of an authority: the one of the mark comes first, and those above it follow.';
  const way: X509Certificate[] = [];
  for (let one = leaf; way.length <= MOST_CERTIFICATES; ) {
    const root = authorities.find((above) => isSignedBy(one, above));
    if (root !== undefined) return [...way, root];
    const next = others.find((above) => above !== one && !way.includes(above) && above.ca && isSignedBy(one, above));
    if (next === undefined) break;
    way.push(next);
    one = next;
  }
  return 'Its chain does not lead to an authority for marks that mailbox providers accept.';
}

function isSignedBy(one: X509Certificate, above: X509Certificate): boolean {
  try {
    return one.checkIssued(above) && one.verify(above.publicKey);
  } catch {
    // A key of a kind that OpenSSL does not know signs nothing.
    return false;
  }
}

/** The parts of the certificate proper (RFC 5280 section 4.1); none when it is no DER. */
function bodyOf({ raw }: X509Certificate): Der[] {
  return within(within(partsOf(raw)?.[0], SEQUENCE)[0], SEQUENCE);
}

/** The values of the extensions by their object identifiers. */
function extensionsOf(certificate: X509Certificate): Map<string, Uint8Array> {
  const list = within(
    bodyOf(certificate).find(({ tag }) => tag === 0xa3),
    0xa3,
  )[0];
  const found = new Map<string, Uint8Array>();
  for (const one of within(list, SEQUENCE)) {
    const parts = within(one, SEQUENCE);
    const id = hexOf(parts[0], OBJECT_ID);
    const value = parts.at(-1);
    if (id !== null && value?.tag === OCTETS) found.set(id, value.content);
  }
  return found;
}

/** The DNS names; read from the DER, since a name may hold what looks like another one in text. */
function namesOf(value: Uint8Array | undefined): string[] {
  if (value === undefined) return [];
  const names = within(partsOf(value)?.[0], SEQUENCE).filter(({ tag }) => tag === 0x82);
  return names.map(({ content }) => Buffer.from(content).toString('latin1').toLowerCase().replace(/\.$/, ''));
}

/** An attribute of the subject (RFC 5280 section 4.1.2.6), as text. */
function subjectOf(certificate: X509Certificate, id: string): string | null {
  // Version, serial number, algorithm, issuer, validity, subject: the version has a tag of its own, and may
  // be absent.
  const parts = bodyOf(certificate);
  const subject = parts[parts[0]?.tag === 0xa0 ? 5 : 4];
  for (const set of within(subject, SEQUENCE))
    for (const one of within(set, SET)) {
      const [type, value] = within(one, SEQUENCE);
      if (hexOf(type, OBJECT_ID) === id && value !== undefined) return Buffer.from(value.content).toString('utf8').slice(0, 100);
    }
  return null;
}

/** The logo of the subject (RFC 9399 section 4.1), whose digest is in the certificate as well. */
function logoOf(value: Uint8Array | undefined): MarkLogo {
  const none = (problem: string): MarkLogo => ({ svg: null, problem });
  if (value === undefined) return none('It holds no logo (logotype extension).');
  // subjectLogo [2], direct [0], the first image, its details.
  const subject = within(partsOf(value)?.[0], SEQUENCE).find(({ tag }) => tag === 0xa2);
  const image = within(within(within(within(subject, 0xa2)[0], 0xa0)[0], SEQUENCE)[0], SEQUENCE)[0];
  const [, hashes, places] = within(image, SEQUENCE);
  const place = within(places, SEQUENCE)[0];
  const [type, digest] = within(within(hashes, SEQUENCE)[0], SEQUENCE);
  const hash = HASHES[hexOf(within(type, SEQUENCE)[0], OBJECT_ID) ?? ''];
  if (place?.tag !== IA5_STRING || hash === undefined || digest?.tag !== OCTETS)
    return none('Its logotype extension cannot be read.');
  const data = /^data:image\/svg\+xml(?:\+gzip)?;base64,([A-Za-z0-9+/=\s]+)$/i.exec(
    Buffer.from(place.content).toString('latin1'),
  );
  if (data === null) return none('The logo is not inside it as a data: URI of an SVG document.');
  const octets = Buffer.from(data[1]!, 'base64');
  const svg = unpacked(octets);
  if (svg === null) return none('The logo inside it cannot be unpacked, or is over 1 MiB.');
  const same = [octets, svg].some((one) => createHash(hash).update(one).digest().equals(Buffer.from(digest.content)));
  return same ? { svg, problem: null } : none('The digest in it is not that of the logo in it.');
}

/**
 * The document itself; null when it is a broken archive, or one that unpacks to more than a logo may have.
 */
function unpacked(octets: Buffer): Buffer | null {
  if (octets[0] !== 0x1f || octets[1] !== 0x8b) return octets;
  try {
    return gunzipSync(octets, { maxOutputLength: MOST_LOGO });
  } catch {
    // Which of the two it is makes no difference to the caller.
    return null;
  }
}
