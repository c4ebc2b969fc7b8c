import { normalDomain } from '../orgdomain.ts';
import type { BodyDigest } from './canonical.ts';
import { type Refused, refusal, type Signature, signatureOf, tagsOf } from './dkim.ts';
import type { Header } from './header.ts';

/** The digests of a body in both canonical forms. */
export interface BodyDigests {
  simple: BodyDigest;
  relaxed: BodyDigest;
}

/** One DKIM signature of a mail: its key decides, or it proves nothing whatever the key. */
export type OpenSignature = { domain: string; selector: string } & (
  | { state: 'open'; signature: Signature }
  | ({ state: 'refused' } & Refused)
);

/** Signatures of one mail that are looked at: each costs a query and a public-key operation. */
const MOST_SIGNATURES = 8;

/**
 * Reads all DKIM signatures of a mail (RFC 6376 section 6.1), whoever signed: those that may align with the
 * author come first, so that others do not crowd them out. Pure: the keys are looked up afterwards.
 * @param raw the bytes of the header section @param first whether a domain may align with the author's
 * @param at when the mail arrived
 */
export function openSignatures(
  raw: Buffer,
  header: Header,
  { bodies, first, at }: { bodies: BodyDigests; first: (domain: string) => boolean; at: Date },
): OpenSignature[] {
  const read = header.fields
    .filter(({ name }) => name === 'dkim-signature')
    .map((field) => ({ field, tags: tagsOf(field.value) }))
    .map((one) => ({ ...one, domain: normalDomain(one.tags?.get('d') ?? '') }));
  const sorted = [...read.filter(({ domain }) => first(domain)), ...read.filter(({ domain }) => !first(domain))];
  return sorted.slice(0, MOST_SIGNATURES).map(({ field, tags, domain }) => {
    if (tags === null)
      return { domain: '', selector: '', state: 'refused', result: 'permerror', why: 'the DKIM signature cannot be read' };
    const named = { domain, selector: (tags.get('s') ?? '').toLowerCase() };
    const wrong = refusal(tags, at) ?? bodyRefusal(tags, bodies);
    if (wrong !== null) return { ...named, state: 'refused', ...wrong };
    return { ...named, state: 'open', signature: signatureOf(raw, header, field, tags) };
  });
}

/**
 * Why a signature is not over the whole body as it came; null when it is. A length (l=) that leaves a part of
 * the body out proves nothing: anybody could have appended it (RFC 6376 section 8.2).
 */
export function bodyRefusal(tags: ReadonlyMap<string, string>, bodies: BodyDigests): Refused | null {
  const body = (tags.get('c') ?? 'simple').toLowerCase().split('/')[1] === 'relaxed' ? bodies.relaxed : bodies.simple;
  const limit = tags.get('l');
  if (limit !== undefined && !/^\d{1,76}$/.test(limit))
    return { result: 'permerror', why: 'the DKIM signature has an invalid l=' };
  if (limit !== undefined && Number(limit) < body.length)
    return { result: 'policy', why: `the DKIM signature covers only a part of the body (l=${Number(limit)})` };
  // A length beyond the end of the body is an error (section 3.5).
  if (limit !== undefined && Number(limit) > body.length)
    return { result: 'permerror', why: 'the DKIM signature covers more than the body (l=)' };
  const said = Buffer.from(tags.get('bh') ?? '', 'base64');
  return said.equals(Buffer.from(body.sha256, 'base64')) ? null : { result: 'fail', why: 'the body hash does not verify' };
}
