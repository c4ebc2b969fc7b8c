import type { Config } from '../shared/config.ts';
import { IMPORT_PLACE } from '../store/imports.ts';

/** Why a mail's reports count as they are; null when they are to be verified. */
export function notToBeChecked(mailbox: string, check: Config['trust']['check']): string | null {
  if (mailbox === IMPORT_PLACE.mailbox) return 'Not verified: imported by hand.';
  return check === 'off' ? 'Not verified: trust.check is off.' : null;
}
