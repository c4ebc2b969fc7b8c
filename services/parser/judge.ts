import { type Claim, reporterOf } from '../report/reporters.ts';
import type { Config } from '../shared/config.ts';
import { IMPORT_PLACE } from '../store/imports.ts';
import type { Trust } from '../store/reports.ts';

/** Says of each report in a mail whose it is. */
export type Judge = (claim: Claim) => Trust;

/** The judge of a mail whose reports count as they are; null when they are to be verified. */
export function notToBeVerified(mailbox: string, check: Config['trust']['check']): Judge | null {
  const counts = (reason: string): Judge => {
    const trust = { reporter_trust: null, trust: 'ok', domain: null, reason: `Not verified: ${reason}.` } as const;
    // It is taken at its word: what an operator imports goes on under the same key when he polls.
    return (claim) => ({ ...trust, reporter: reporterOf(claim, null, null) });
  };
  if (mailbox === IMPORT_PLACE.mailbox) return counts('imported by hand');
  return check === 'off' ? counts('trust.check is off') : null;
}

/** The judge of a mail about which nobody needs to be asked; null when its DKIM signatures are to be verified (verify.ts). */
export async function judgeAtHand(raw: Buffer, mailbox: string, settings: Config['trust']): Promise<Judge | null> {
  const unverified = notToBeVerified(mailbox, settings.check);
  if (unverified !== null) return unverified;
  // Loaded when a mail is first verified: an import needs none of it, and it brings the public suffix list.
  const { judgeByHeader } = await import('./trust.ts');
  return judgeByHeader(raw, settings);
}
