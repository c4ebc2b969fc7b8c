/** What a rule of the milter has found, by the code that it writes: the rest of a sentence about the mail. */
const REASONS: Readonly<Record<string, string>> = {
  unclear_from: 'it is not clear who its author is',
  own_domain: 'its author is at a domain of yours, and nothing proves that',
  person: 'it shows the name of one of your people, and comes from elsewhere',
  own_address_shown: 'it shows an address of yours as a name, and comes from elsewhere',
  lookalike: 'its domain looks like one of yours',
  new_domain: 'its domain looks like one of yours, and was registered lately',
};

/**
 * Codes of mails that imitate somebody. Their senders may well be proven: to be nobody that the recipient
 * knows.
 */
const IMITATIONS: readonly string[] = ['person', 'own_address_shown', 'lookalike', 'new_domain'];

/** @returns the words of a code; the code itself where this version does not know it */
export const reasonWords = (reason: string): string => (Object.hasOwn(REASONS, reason) ? REASONS[reason]! : reason);

export const isImitation = (reason: string): boolean => IMITATIONS.includes(reason);
