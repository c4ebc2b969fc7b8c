import { forgedFields } from './forged.ts';
import type { WholeMessage } from './message.ts';
import { resultsField } from './results-field.ts';
import type { Matched } from './rules.ts';
import type { Screening } from './screen.ts';
import { accept, deleteHeader, discard, insertHeader, quarantine, refuse } from './wire/replies.ts';

/** The answer to the sender of a mail that a rule rejects. It says nothing about the rule. */
const REJECTED = '550 5.7.1 This mail is refused by a rule of the recipient.';
const TOO_LONG = '552 5.3.4 This mail is held by a rule of the recipient, and is longer than what can be held.';
const TRY_LATER = '451 4.7.1 This mail cannot be checked at the moment: try again later.';

/**
 * Fields that only this server writes, in one mail: each takes the server as long to remove as the mail is.
 */
const MOST_FORGED = 50;
const FORGED = '550 5.7.1 This mail has too many fields in the name of this server.';

/** What a mail is refused with that is to be kept, and never can be. */
export const refusalOfLong = () => refuse(TOO_LONG);

/** What a mail is refused with, whatever it is: null for almost all. */
export function refusalOf(message: WholeMessage, id: string): Buffer | null {
  return forgedFields(message.fields, id).length > MOST_FORGED ? refuse(FORGED) : null;
}

/** Removes the fields that only this server writes. */
export function cleaned(message: WholeMessage, id: string): Buffer[] {
  return forgedFields(message.fields, id).map(({ name, index }) => deleteHeader(index, name));
}

/** What is added to a mail about what was found. */
function findings(id: string, { results, decided, dry, outcome }: Screening): Buffer[] {
  const added: Buffer[] = [];
  const add = (name: string, value: string) => void added.push(insertHeader(0, name, value));
  for (const { rule } of dry) add('X-Ruawatch-Dry-Run', ` ${rule.do} ${rule.when}`);
  if (outcome === 'tag') add('X-Ruawatch-Tag', ` ${reasonOf(decided!)}`);
  if (outcome === 'hold') add('X-Ruawatch-Held', ` ${reasonOf(decided!)}`);
  if (outcome === 'unjudged') add('X-Ruawatch-Unjudged', ' yes');
  // The last that is put at the top is the first.
  if (results !== null) add('Authentication-Results', resultsField(id, results));
  return added;
}

const reasonOf = ({ rule, match }: Matched): string => (match.code === rule.when ? rule.when : `${rule.when} ${match.code}`);

/** Where a mail that is held waits, and the number of the request about it. */
export interface HeldWhere {
  kept_in: 'postfix' | 'store';
  request_key: number;
}

/** The packets for a decision, the final reply last. @param held null unless the mail is held */
export function packetsFor(
  message: WholeMessage,
  judgement: Screening,
  { id, onFailure, held }: { id: string; onFailure: 'accept' | 'tempfail'; held: HeldWhere | null },
): Buffer[] {
  const { outcome } = judgement;
  if (outcome === 'reject') return [refuse(REJECTED)];
  if (outcome === 'unjudged' && onFailure === 'tempfail') return [refuse(TRY_LATER)];
  // The store has the mail: the server must not deliver it as well.
  if (held?.kept_in === 'store') return [discard()];
  const changes = [...cleaned(message, id), ...findings(id, judgement)];
  return [...changes, ...(held === null ? [] : [quarantine(`ruawatch: request ${held.request_key}`)]), accept()];
}
