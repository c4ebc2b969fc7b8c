import { type Claim, reporterOf } from '../../report/reporters/reporters.ts';
import type { Config } from '../../shared/settings/config.ts';
import { IMPORT_PLACE } from '../../store/messages/imports.ts';
import type { Trust } from '../../store/reports/trust.ts';
import type { Origin } from './origin.ts';
import type { Judge } from './reporter.ts';

/** The judge of a mail whose reports count as they are; null when they are to be verified. */
export function notToBeVerified(mailbox: string, check: Config['trust']['check']): ((claim: Claim) => Trust) | null {
  const counts = (reason: string): ((claim: Claim) => Trust) => {
    const trust = { reporter_trust: null, trust: 'ok', domain: null, reason: `Not verified: ${reason}.` } as const;
    // It is taken at its word: what an operator imports goes on under the same key when he polls.
    return (claim) => ({ ...trust, reporter: reporterOf(claim, null, null) });
  };
  if (mailbox === IMPORT_PLACE.mailbox) return counts('imported by hand');
  return check === 'off' ? counts('trust.check is off') : null;
}

/** The judge of a mail while it is parsed. Without an origin, its reports are to be verified. */
export async function judgeAtHand(origin: Origin | null, mailbox: string, settings: Config['trust']): Promise<Judge> {
  const unverified = notToBeVerified(mailbox, settings.check);
  if (unverified !== null) return unverified;
  if (origin === null) return () => null;
  // Loaded when a mail is first verified: an import needs none of it, and it brings the public suffix list.
  const { judgeOf } = await import('./reporter.ts');
  return judgeOf(origin);
}
