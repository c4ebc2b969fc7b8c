import { type Signature, verifySignature } from '../../report/mail/dkim.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Resolver } from '../../shared/runtime/resolver.ts';
import type { Config } from '../../shared/settings/config.ts';
import { type Authenticated, type Inspected, inspectMail } from './origin.ts';

/** Whether a mail comes from the domain its From field names. */
export type Authenticity =
  | Authenticated
  /** DNS did not answer: to be retried. */
  | { state: 'unknown'; from: string; why: string };

/**
 * Whether a mail passes DMARC (RFC 9990 section 5.3 asks that of every report mail): by the fields that one's
 * own servers added, else by its DKIM signatures. Alignment is always relaxed: the alignment mode that the
 * author's domain publishes is not looked up.
 * @param at when the mail arrived
 */
export function authenticate(raw: Buffer, at: Date, settings: Config['trust'], resolver: Resolver): Promise<Authenticity> {
  return checkSignatures(inspectMail(raw, at, settings), resolver);
}

/**
 * Looks up the keys of an inspected mail and checks its signatures: a few public-key operations at most,
 * whatever the mail.
 */
export async function checkSignatures(mail: Inspected, resolver: Resolver): Promise<Authenticity> {
  if (mail.state !== 'open') return mail;
  const { from, address, signatures } = mail;
  let why = mail.why;
  let unanswered: string | null = null;
  for (const signature of signatures) {
    const records = await keysOf(signature, resolver);
    if (typeof records === 'string') {
      unanswered = records;
      continue;
    }
    const refused = verifySignature(signature, records);
    if (refused === null) return { state: 'authentic', from, address, how: `the DKIM signature of ${signature.domain} verifies` };
    why = `the DKIM signature of ${signature.domain} does not verify (${refused.why})`;
  }
  return unanswered === null ? { state: 'unproven', from, why } : { state: 'unknown', from, why: unanswered };
}

/** The records of a signature's key; a sentence when DNS did not answer. */
async function keysOf({ keyName }: Signature, resolver: Resolver): Promise<string[][] | string> {
  try {
    return await resolver.txt(keyName);
  } catch (error) {
    return messageOf(error);
  }
}
