import { Readable } from 'node:stream';
import { organizationalDomain } from '../report/orgdomain.ts';
import { messageOf } from '../shared/errors.ts';
import type { Resolver } from '../shared/resolver.ts';
import { type Field, type HeaderSection, withoutComments } from './header.ts';

/** What the signatures of a mail prove of its author's domain. */
export type DkimVerdict =
  | { state: 'pass'; domain: string }
  | { state: 'fail'; why: string }
  /** The name service could not say: to be asked again. */
  | { state: 'unknown'; why: string };

/** Signatures looked at: each costs a look-up and a public-key operation. */
const MOST_SIGNATURES = 5;

/**
 * Verifies the DKIM signatures (RFC 6376) of a mail that align with its author's domain (relaxed, RFC 9989 section 5.3.4); no other is
 * looked at, and no name of any other domain looked up.
 *
 * mailauth gets the mail without its other signatures and without ARC fields. They prove nothing here, a mail may carry thousands of
 * them, and mailauth 4 writes into Object.prototype what an ARC-Authentication-Results field names `__proto__`.
 *
 * @param at when the mail arrived: a signature may have expired since
 */
export async function verifyDkim(
  raw: Buffer,
  header: HeaderSection,
  from: string,
  at: Date,
  resolver: Resolver,
): Promise<DkimVerdict> {
  const signatures = header.fields.filter((field) => field.name === 'dkim-signature');
  if (signatures.length === 0) return { state: 'fail', why: 'the mail has no DKIM signature' };
  const candidates = new Map<Field, Candidate>();
  let why = '';
  for (const field of signatures) {
    const tags = tagsOf(field.value);
    const domain = tags?.get('d')?.toLowerCase() ?? '';
    if (!tags || organizationalDomain(domain) !== organizationalDomain(from)) {
      why ||= `no DKIM signature is of ${from}`;
      continue;
    }
    const refused = refusal(tags);
    if (refused !== null) why = refused;
    else if (candidates.size < MOST_SIGNATURES)
      candidates.set(field, { domain, relaxed: /\/relaxed$/i.test(tags.get('c') ?? '') });
  }
  if (candidates.size === 0) return { state: 'fail', why };

  let failure: string | null = null;
  const domains = new Set([...candidates.values()].map(({ domain }) => domain));
  const txt = async (asked: string): Promise<string[][]> => {
    const name = asked.toLowerCase();
    if (![...domains].some((domain) => name.endsWith(`._domainkey.${domain}`))) throw noKey();
    const records = await resolver.txt(name).catch((error: unknown) => {
      failure = messageOf(error);
      throw error;
    });
    if (records.length === 0) throw noKey();
    return records;
  };
  let comment = '';
  for (const relaxed of [true, false]) {
    const mine = header.fields.filter((field) => candidates.get(field)?.relaxed === relaxed);
    if (mine.length === 0) continue;
    const others = (field: Field) => (field.name === 'dkim-signature' ? !mine.includes(field) : field.name.startsWith('arc-'));
    const kept = header.fields.filter((field) => !others(field)).map((field) => field.text);
    const body = raw.subarray(header.body);
    const mail = Buffer.concat([
      Buffer.from(`${kept.join('\r\n')}\r\n\r\n`, 'latin1'),
      relaxed ? withoutBlanks(body) : withCrlf(body),
    ]);
    // One piece: cut into pieces, a long line is copied anew for each.
    // Loaded when a signature is first verified: with what it brings it takes 20 MB.
    const { dkimVerify } = await import('mailauth/lib/dkim/verify.js');
    const verified = await dkimVerify(Readable.from([mail], { objectMode: true }), { resolver: txt, curTime: at });
    for (const { status, signingDomain } of verified.results) {
      const domain = signingDomain?.toLowerCase() ?? '';
      if (status.result === 'pass' && domains.has(domain)) return { state: 'pass', domain };
      comment ||= status.comment ? String(status.comment) : status.result;
    }
  }
  if (failure !== null) return { state: 'unknown', why: failure };
  return { state: 'fail', why: `the DKIM signature of ${[...domains][0]} does not verify (${comment})` };
}

interface Candidate {
  domain: string;
  /** The canonicalization of the body (RFC 6376 section 3.4.4), simple otherwise. */
  relaxed: boolean;
}

/** The tags of a signature (RFC 6376 section 3.2); null when it is not made of them. */
function tagsOf(value: string): Map<string, string> | null {
  const tags = new Map<string, string>();
  for (const part of withoutComments(value).split(';')) {
    if (part.trim() === '') continue;
    const tag = /^\s*([a-z][a-z0-9_]*)\s*=(.*)$/is.exec(part);
    if (!tag || tags.has(tag[1]!)) return null;
    tags.set(tag[1]!, tag[2]!.replace(/\s+/g, ''));
  }
  return tags;
}

/** Why a signature is not taken, though it may verify; null when it is. */
function refusal(tags: Map<string, string>): string | null {
  const fields = (tags.get('h') ?? '').toLowerCase().split(':');
  if (!fields.includes('from')) return 'the DKIM signature does not cover the From field';
  // With l= whatever is appended stays "signed": a report, for one (RFC 6376 section 8.2).
  if (tags.has('l')) return 'the DKIM signature covers only a part of the mail (l=)';
  if (!['rsa-sha256', 'ed25519-sha256'].includes((tags.get('a') ?? '').toLowerCase()))
    return 'the DKIM signature uses an algorithm that proves nothing any more (RFC 8301)';
  if (!/^[a-z0-9._-]+$/i.test(tags.get('s') ?? '') || !/^[a-z0-9.-]+$/i.test(tags.get('d') ?? ''))
    return 'the DKIM signature names a selector or domain that is none';
  return null;
}

function noKey(): Error {
  return Object.assign(new Error('no key is published'), { code: 'ENOTFOUND' });
}

/** Bare LF as CRLF, as the mail was on its way. mailauth does the same with a piece of its own for each line. */
function withCrlf(body: Buffer): Buffer {
  let bare = 0;
  for (let i = 0; i < body.length; i++) if (body[i] === 10 && body[i - 1] !== 13) bare++;
  if (bare === 0) return body;
  const out = Buffer.allocUnsafe(body.length + bare);
  let to = 0;
  for (let i = 0; i < body.length; i++) {
    if (body[i] === 10 && body[i - 1] !== 13) out[to++] = 13;
    out[to++] = body[i]!;
  }
  return out;
}

/**
 * A body in its relaxed form (RFC 6376 section 3.4.4): runs of blanks as one, none at the end of a line. That of 20 million lines of one
 * blank costs mailauth 8 GB and a minute; in this form it has nothing to mend.
 */
function withoutBlanks(given: Buffer): Buffer {
  const body = withCrlf(given);
  const out = Buffer.allocUnsafe(body.length);
  let to = 0;
  let blank = false;
  for (let i = 0; i < body.length; i++) {
    const c = body[i]!;
    if (c === 32 || c === 9) {
      blank = true;
      continue;
    }
    if (blank && !(c === 13 && body[i + 1] === 10)) out[to++] = 32;
    blank = false;
    out[to++] = c;
  }
  return out.subarray(0, to);
}
