import { type Claim, reporterOf } from '../../report/reporters/reporters.ts';
import type { Config } from '../../shared/settings/config.ts';
import { IMPORT_PLACE } from '../../store/messages/imports.ts';
import type { ClaimedMessage } from '../../store/messages/messages.ts';
import type { Trust } from '../../store/reports/trust.ts';
import type { Origin } from './origin.ts';
import type { VerdictOf } from './reporter.ts';

/** Why the reports of a mailbox are not verified and count as they are; null when they are to be verified. */
export function whyUnverified(mailbox: string, check: Config['trust']['check']): string | null {
  if (mailbox === IMPORT_PLACE.mailbox) return 'imported by hand';
  return check === 'off' ? 'trust.check is off' : null;
}

/**
 * The verdict on the reports of a mailbox that are not verified: they count as they are. Null when they are
 * to be verified.
 */
export function verdictUnverified(mailbox: string, check: Config['trust']['check']): ((claim: Claim) => Trust) | null {
  const counts = (reason: string): ((claim: Claim) => Trust) => {
    const trust = { reporter_trust: null, trust: 'ok', domain: null, reason: `Not verified: ${reason}.` } as const;
    // The reporter's own claim decides, so that imported reports keep the same reporter once their mailbox is
    // polled.
    return (claim) => ({ ...trust, reporter: reporterOf(claim, null, null) });
  };
  const why = whyUnverified(mailbox, check);
  return why === null ? null : counts(why);
}

/** Whether at least one of these messages is to be verified. */
export const verifiesAny = (messages: readonly ClaimedMessage[], { check }: Config['trust']): boolean =>
  messages.some(({ mailbox }) => verdictUnverified(mailbox, check) === null);

/**
 * The verdicts on a mail's reports while it is parsed. Without an origin, they are null: the reports are
 * verified later.
 */
export async function verdictsWhileParsing(
  origin: Origin | null,
  mailbox: string,
  settings: Config['trust'],
): Promise<VerdictOf> {
  const unverified = verdictUnverified(mailbox, settings.check);
  if (unverified !== null) return unverified;
  if (origin === null) return () => null;
  const { verdictsByHeader } = await import('./reporter.ts');
  return verdictsByHeader(origin);
}
