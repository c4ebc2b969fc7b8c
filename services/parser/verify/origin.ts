import { DEFAULT_LIMITS, Refusal } from '../../report/limits.ts';
import { authorOf } from '../../report/mail/author.ts';
import { inspectSignatures, type Signature, uncovered } from '../../report/mail/dkim.ts';
import { type Header, readMailHeader } from '../../report/mail/header.ts';
import { ambiguity } from '../../report/mail/steering.ts';
import type { Config } from '../../shared/settings/config.ts';
import { decides, ownResults, provenBy } from './authentication-results.ts';

/** Whether a mail comes from the domain its From field names, where that is known. */
export type Authenticated =
  /** `address` is the whole of the From field, lower case; a quoted local part is left out. */
  { state: 'authentic'; from: string; address: string; how: string } | { state: 'unproven'; from: string | null; why: string };

/** What the header alone says of a mail's author; `open` when its DKIM signatures are to be verified. Plain data. */
export type Origin = Authenticated | { state: 'open'; from: string; address: string };

/** What a mail says itself; where it is `open`, the keys of `signatures` decide. Plain data, to be handed between threads. */
export type Inspected = Authenticated | { state: 'open'; from: string; address: string; signatures: Signature[]; why: string };

/** Never throws: a mail that cannot be read in one way alone is unproven. */
export function originOf(raw: Buffer, settings: Config['trust']): Origin {
  const said = byHeader(raw, settings);
  return said.state === 'open' ? { state: 'open', from: said.from, address: said.address } : said;
}

/** As `originOf`, with the signatures that are worth asking for a key. @param at when the mail arrived */
export function inspectMail(raw: Buffer, at: Date, settings: Config['trust']): Inspected {
  const said = byHeader(raw, settings);
  if (said.state !== 'open') return said;
  const { header, from, address } = said;
  return { state: 'open', from, address, ...inspectSignatures(raw, header, from, at) };
}

/** Whether one's own servers say something clear of this mail's author, whatever it is (`doctor` counts). */
export function isTold(raw: Buffer, authservIds: readonly string[]): boolean {
  const header = headerOf(raw);
  const said = header === null ? null : ownResults(header.fields, authservIds);
  if (header === null || said === null) return false;
  const from = authorOf(header.fields).domain;
  return decides(said) || (from !== null && provenBy(said.results, from) !== null);
}

function byHeader(
  raw: Buffer,
  settings: Config['trust'],
): Authenticated | { state: 'open'; header: Header; from: string; address: string } {
  const header = headerOf(raw);
  if (header === null) return { state: 'unproven', from: null, why: 'the header of the mail is too long to verify' };
  const { domain: from, address, why: nobody } = authorOf(header.fields);
  const doubt = ambiguity(header);
  if (doubt !== null) return { state: 'unproven', from, why: doubt };
  if (from === null) return { state: 'unproven', from, why: nobody };

  let unclear = 'none of trust.authserv_ids wrote Authentication-Results where a forger could not';
  const said = settings.authserv_ids.length > 0 ? ownResults(header.fields, settings.authserv_ids) : null;
  if (said !== null) {
    const proof = provenBy(said.results, from);
    const beyond = proof === null || proof.whole ? null : uncovered(raw, header, from);
    if (proof !== null && beyond === null) return { state: 'authentic', from, address, how: `${proof.how} by our own server` };
    const found = said.results.map((r) => `${r.method}=${r.result}`).slice(0, 6);
    unclear = `our own server found ${found.join(', ') || 'nothing'} for ${from}`;
    if (beyond !== null) unclear += `, but ${beyond}`;
    else if (decides(said)) return { state: 'unproven', from, why: unclear };
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
