import { DEFAULT_LIMITS, Refusal } from '../../report/limits.ts';
import { decides, ownResults, provenBy } from '../../report/mail/authentication-results.ts';
import { authorOf } from '../../report/mail/author.ts';
import { inspectSignatures, type Signature, uncovered } from '../../report/mail/dkim.ts';
import { type Header, readMailHeader } from '../../report/mail/header.ts';
import { ambiguity } from '../../report/mail/steering.ts';
import type { Config } from '../../shared/settings/config.ts';

/** Whether a mail comes from the domain its From field names, where that is known. */
export type Authenticated =
  /** `address` is the whole of the From field, lower case; a quoted local part is left out. */
  { state: 'authentic'; from: string; address: string; how: string } | { state: 'unproven'; from: string | null; why: string };

/** What the header alone says about a mail's author; `open` when its DKIM signatures decide. Plain data. */
export type Origin = Authenticated | { state: 'open'; from: string; address: string };

/**
 * What a mail says about its author; where it is `open`, the keys of `signatures` decide. Plain data, passed
 * between threads.
 */
export type Inspected = Authenticated | { state: 'open'; from: string; address: string; signatures: Signature[]; why: string };

/**
 * What the header of a mail says about its author. Never throws: a mail that can be read in more than one way
 * is unproven.
 */
export function originOf(raw: Buffer, settings: Config['trust']): Origin {
  const found = byHeader(raw, settings);
  return found.state === 'open' ? { state: 'open', from: found.from, address: found.address } : found;
}

/** As `originOf`, with the signatures whose keys are worth looking up. @param at when the mail arrived */
export function inspectMail(raw: Buffer, at: Date, settings: Config['trust']): Inspected {
  const found = byHeader(raw, settings);
  if (found.state !== 'open') return found;
  const { header, from, address } = found;
  return { state: 'open', from, address, ...inspectSignatures(raw, header, from, at) };
}

/**
 * Whether the fields of one's own servers settle who wrote this mail, either way (`doctor` counts such
 * mails).
 */
export function ownServerDecides(raw: Buffer, authservIds: readonly string[]): boolean {
  const header = headerOf(raw);
  const own = header === null ? null : ownResults(header.fields, authservIds);
  if (header === null || own === null) return false;
  const from = authorOf(header.fields).domain;
  return decides(own) || (from !== null && provenBy(own.results, from) !== null);
}

function byHeader(
  raw: Buffer,
  settings: Config['trust'],
): Authenticated | { state: 'open'; header: Header; from: string; address: string } {
  const header = headerOf(raw);
  if (header === null) return { state: 'unproven', from: null, why: 'the header of the mail is too long to verify' };
  const { domain: from, address, why: noAuthor } = authorOf(header.fields);
  const doubt = ambiguity(header);
  if (doubt !== null) return { state: 'unproven', from, why: doubt };
  if (from === null) return { state: 'unproven', from, why: noAuthor };

  let unclear = 'no server of trust.authserv_ids added Authentication-Results in a place that a forger could not write';
  const own = ownResults(header.fields, settings.authserv_ids);
  if (own !== null) {
    const proof = provenBy(own.results, from);
    const unsigned = proof === null || proof.whole ? null : uncovered(raw, header, from);
    if (proof !== null && unsigned === null) return { state: 'authentic', from, address, how: `${proof.how} by our own server` };
    const found = own.results.map((r) => `${r.method}=${r.result}`).slice(0, 6);
    unclear = `our own server found ${found.join(', ') || 'nothing'} for ${from}`;
    if (unsigned !== null) unclear += `, but ${unsigned}`;
    else if (decides(own)) return { state: 'unproven', from, why: unclear };
  }
  if (settings.check === 'authserv') return { state: 'unproven', from, why: unclear };
  return { state: 'open', header, from, address };
}

function headerOf(raw: Buffer): Header | null {
  try {
    return readMailHeader(raw, DEFAULT_LIMITS);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}
