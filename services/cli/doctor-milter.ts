import { DAY_MS } from '../shared/days.ts';
import { messageOf, PermanentError } from '../shared/errors.ts';
import { counted } from '../shared/format.ts';
import type { Db } from '../shared/runtime/db.ts';
import { type HeldMail, readHoldKey } from '../shared/settings/held-mail.ts';
import { countUnjudged } from '../store/milter/unjudged.ts';
import type { Note } from './doctor-checks.ts';

/** Milliseconds that a program of Postfix has. */
const PROGRAM_MS = 10_000;

/** Whether mails passed lately that the milter could not judge. */
export async function milterNotes(db: Db): Promise<string | Note> {
  const { mails, why, at } = await countUnjudged(db, new Date(Date.now() - DAY_MS));
  if (mails === 0) return 'all mail of the last 24 hours could be judged';
  return {
    note: `${counted(mails, 'mail')} of the last 24 hours could not be judged, the newest at ${at!.toISOString()}: ${why}`,
  };
}

/**
 * Whether what holds mail works: the key, and the hold queue of Postfix, which another machine may have than
 * the one that asks.
 * @throws PermanentError when the key cannot be read
 */
export async function checkHold(hold: HeldMail): Promise<string | Note> {
  try {
    readHoldKey(hold);
  } catch (error) {
    throw new PermanentError('hold_key', messageOf(error), { cause: error });
  }
  const key = hold.keyFile === null ? 'without a key, so that nobody can read a held mail' : 'the key is read';
  if (hold.keep === 'store') return `in the database; ${key}`;
  // Loaded here: only who holds mail in Postfix needs the milter's code.
  const { holdQueue } = await import('../milter/index.ts');
  try {
    const held = (await holdQueue(hold, PROGRAM_MS).list()).length;
    return `in the hold queue of ${hold.host}, which has ${counted(held, 'mail')}; ${key}`;
  } catch (error) {
    return {
      note: `the hold queue cannot be read here (milter.hold.postqueue: ${messageOf(error).split('\n')[0]}): the machine with Postfix must be able to; ${key}.`,
    };
  }
}
