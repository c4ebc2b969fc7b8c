import type { Config } from '../shared/config.ts';
import { messageOf } from '../shared/errors.ts';
import type { Resolver } from '../shared/resolver.ts';
import { verifyDkim } from './dkim.ts';
import { type Authenticated, byHeader } from './trust.ts';

/** Whether a mail comes from the domain its From field names. */
export type Authenticity =
  | Authenticated
  /** Nobody could say: to be asked again. */
  | { state: 'unknown'; from: string; why: string };

/**
 * Whether a mail passes DMARC (RFC 9990 section 5.3 asks that of every report mail): by what one's own servers wrote into it, else by
 * its DKIM signatures. Alignment is relaxed: which one the author's domain publishes is not looked up.
 * Never throws: what mailauth cannot take is unproven.
 */
export async function authenticate(raw: Buffer, at: Date, settings: Config['trust'], resolver: Resolver): Promise<Authenticity> {
  const mail = byHeader(raw, settings);
  if (mail.state !== 'open') return mail;
  const { header, from, address } = mail;
  try {
    const dkim = await verifyDkim(raw, header, from, at, resolver);
    if (dkim.state === 'pass') return { state: 'authentic', from, address, how: `the DKIM signature of ${dkim.domain} verifies` };
    return dkim.state === 'unknown' ? { ...dkim, from } : { state: 'unproven', from, why: dkim.why };
  } catch (error) {
    return { state: 'unproven', from, why: `its DKIM signature cannot be read: ${messageOf(error)}` };
  }
}
