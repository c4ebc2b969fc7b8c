import { digestOfBytes, openBody } from '../../requests/held/seal.ts';
import { messageOf, RuawatchError, sentenceOf } from '../../shared/errors.ts';
import type { Db } from '../../shared/runtime/db.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { HeldMail } from '../../shared/settings/held-mail.ts';
import { type HeldRow, sealedBody } from '../../store/held/held.ts';
import {
  chooseCopy,
  clearBounce,
  clearDot,
  doubtHeld,
  noteBounce,
  noteCleared,
  noteDot,
  retryHeld,
  settleRelease,
  settleStop,
  takeHeld,
} from '../../store/held/steps.ts';
import { bounceOf, isProven } from './bounce.ts';
import { releasedHeader, resultsOf, withReleasedHeader } from './header.ts';
import type { HoldQueue } from './postfix.ts';
import { provenCopies } from './proof.ts';
import { type Handed, handOver } from './smtp.ts';

export interface ReleaseMeans {
  db: Db;
  log: Log;
  settings: HeldMail;
  /** `milter.authserv_id`; null where none is set. */
  authservId: string | null;
  /** The octets of `milter.hold.key_file`. */
  key: Buffer | null;
  /** Where mails to senders go out, and from whom; null without SMTP_URL. */
  outbound: { url: string; from: string } | null;
  queue: HoldQueue;
  at: () => Date | null;
  now: () => Date;
}

/** A mail is in the hold queue so long after it was held: its server has answered its client by then. */
export const SETTLED_MS = 900_000;

/** Something that is to be tried again. */
class Later extends Error {}
/** Something that a person has to look at. */
class Doubt extends Error {}
/** The mail is not where it was held. */
class Lost extends Error {}

/**
 * Does what is to be done with one held mail. Killed at any moment, the next call ends in the same state:
 * before anything is sent, the intention is committed; what is let go of a hold queue is chosen once, and
 * letting it go again does nothing.
 * @returns whether anything was done
 */
export async function carryOut(held_key: number, means: ReleaseMeans): Promise<boolean> {
  const { db, log, settings, at } = means;
  const { what, held } = await takeHeld(db, held_key, settings.on_denial, at());
  try {
    switch (what) {
      case 'nothing':
        return false;
      case 'release':
        await settleRelease(db, held_key, await release(held, means), at());
        break;
      case 'clear':
        break;
      default:
        await stop(held, what, means);
    }
    await clear(held, means);
    return true;
  } catch (error) {
    const answer = messageOf(error);
    if (error instanceof Lost) {
      await settleStop(db, held_key, { state: 'lost', answer }, at());
      return true;
    }
    if (error instanceof Doubt) {
      await doubtHeld(db, held_key, answer, at());
      log.error(
        { held: held_key, answer },
        'nobody can know whether a held mail was delivered: look for it, and record what you find',
      );
      return true;
    }
    if (!(error instanceof Later || (error instanceof RuawatchError && error.transient))) throw error;
    await retryHeld(db, held, answer, at());
    log.warn({ held: held_key, answer }, 'a decision about a held mail cannot be carried out yet; it is tried again');
    return true;
  }
}

/**
 * Deletes the copies in the hold queue of what is settled. One that arrives meanwhile is a copy more, and
 * looked at in the next turn.
 */
async function clear(held: HeldRow, means: ReleaseMeans): Promise<void> {
  const { db } = means;
  const left = held.queue_ids.filter((id) => id !== held.copy_id);
  if (held.kept_in === 'postfix') await removeCopies(held, left, means);
  await noteCleared(db, held.held_key, held.queue_ids);
}

/** One after the other, each proven right before it goes. */
async function removeCopies(held: HeldRow, ids: readonly string[], means: ReleaseMeans): Promise<void> {
  for (const id of await provenCopies(held, ids, means)) await means.queue.remove([id]);
}

/** @returns what came of it, as a sentence */
async function release(held: HeldRow, means: ReleaseMeans): Promise<string> {
  const { settings } = means;
  const port = settings.smtpUrl;
  if (held.copy_id !== null) return letGo(held, held.copy_id, means);
  if (port === null) return letGo(held, await ownCopy(held, means), means);
  if (held.dot_at !== null) await afterCut(held, means);
  const handed = await send(held, { url: port, raw: await octetsOf(held, means) }, means);
  if (!settings.smtp_holds) return sentence(held, handed);
  if (handed.id === null) throw new Later(`The port that holds mail gave it no name: ${handed.answer}`);
  if (!(await chooseCopy(means.db, held.held_key, handed.id))) throw new Later('Another process has chosen a copy.');
  return letGo({ ...held, copy_id: handed.id }, handed.id, means);
}

const by = ({ decided_by }: HeldRow) => (decided_by ?? []).join(', ');
const sentence = (held: HeldRow, { answer, refused }: { answer: string; refused: string[] }) =>
  `It is delivered, by ${by(held)}: ${answer}${refused.length === 0 ? '' : ` Refused for ${refused.join(', ')}.`}`;

/**
 * Letting go is a change of a name on the disk: it has happened, or it has not. Where no proven copy waits,
 * it has happened before, or another hand has let it go; what has that name now is another mail.
 */
async function letGo(held: HeldRow, id: string, means: ReleaseMeans): Promise<string> {
  const [copy] = await provenCopies(held, [id], means);
  if (copy !== undefined) await means.queue.letGo(copy);
  else if (means.settings.smtpUrl === null && (await means.queue.list()).some((one) => one.id === id))
    throw new Doubt(
      `The file ${id} in the hold queue is not proven to be this mail, and is left alone: look whether it is, let it go by hand, and say so here.`,
    );
  return `It is delivered, by ${by(held)}: Postfix has let go of ${id}.`;
}

/**
 * The copy that is let go where nothing is sent again: one that is there. Names of queue files come again
 * after years.
 */
async function ownCopy(held: HeldRow, means: ReleaseMeans): Promise<string> {
  const id = await copyInQueue(held, means);
  if (!(await chooseCopy(means.db, held.held_key, id))) throw new Later('Another process has chosen a copy.');
  return id;
}

/**
 * A rule may decide before the server has put the mail into its hold queue: only after a while it is lost.
 * Where the server was ended at that moment, its client sends the mail again, and that copy is found then.
 */
async function copyInQueue(held: HeldRow, means: ReleaseMeans): Promise<string> {
  const [found] = await provenCopies(held, held.queue_ids, means);
  if (found === undefined && means.now().getTime() - held.held_at.getTime() < SETTLED_MS)
    throw new Later('The mail is not in the hold queue yet.');
  if (found === undefined)
    throw new Lost(
      'The mail is not in the hold queue any more: somebody has released or deleted it there, or the server never kept it.',
    );
  return found;
}

async function octetsOf(held: HeldRow, means: ReleaseMeans): Promise<Buffer> {
  const { db, key, queue } = means;
  if (held.kept_in === 'postfix') return queue.read(await copyInQueue(held, means));
  const sealed = await sealedBody(db, held.held_key);
  if (sealed === null) throw new Lost('The octets of the mail are not in the store any more.');
  if (key === null) throw new Later('milter.hold.key_file is not set: the mail cannot be opened.');
  const raw = opened(sealed, held, key);
  if (digestOfBytes(raw) !== held.sha256) throw new Lost('The stored mail is not the one that was approved.');
  return raw;
}

/** The key file may be put right. */
function opened(sealed: Buffer, { sha256 }: HeldRow, key: Buffer): Buffer {
  try {
    return openBody(sealed, sha256, key);
  } catch (error) {
    throw new Later(sentenceOf(error));
  }
}

/**
 * A process ended, or a connection, between the last octet and the answer. A port that holds mail has one
 * copy more, which nobody lets go: the mail is sent again. Any other server may have delivered it, and no
 * program can find out.
 */
async function afterCut(held: HeldRow, { db, settings }: ReleaseMeans): Promise<void> {
  if (!settings.smtp_holds)
    throw new Doubt(
      'The connection ended before the server answered: the mail may have arrived. Look for its Message-ID in the log of the server, and say so here.',
    );
  await clearDot(db, held.held_key);
}

async function send(
  held: HeldRow,
  { url, raw }: { url: string; raw: Buffer },
  means: ReleaseMeans,
): Promise<Extract<Handed, { is: 'taken' }>> {
  const { db, now } = means;
  // One that was kept in the store is as it came.
  const id = held.kept_in === 'store' ? means.authservId : null;
  const fields = releasedHeader(held, now()) + (id === null ? '' : resultsOf(held, id));
  const mail = withReleasedHeader(raw, fields, id);
  const about = { url, setting: 'milter.hold.smtp_url', from: held.envelope_from, recipients: held.recipients, raw: mail };
  const handed = await handOver(about, () => noteDot(db, held.held_key));
  if (handed.is === 'taken') return handed;
  if (handed.is === 'unknown') {
    await afterCut(held, means);
    throw new Later(handed.answer);
  }
  await clearDot(db, held.held_key);
  if (handed.forever) throw new Doubt(`The server refuses the mail: ${handed.answer}`);
  throw new Later(handed.answer);
}

const ENDS = { reject: 'rejected', delete: 'deleted', expire: 'expired' } as const;

/** Stops a mail for good: copies are deleted first, so that nothing is left that could go. */
async function stop(held: HeldRow, what: keyof typeof ENDS, means: ReleaseMeans): Promise<void> {
  const { db, settings, at } = means;
  if (held.kept_in === 'postfix') await removeCopies(held, held.queue_ids, means);
  const rejected = what === 'reject' || (what === 'expire' && settings.on_expiry === 'reject');
  const told = rejected ? await tellSender(held, means) : 'Its sender is not notified.';
  const why = { reject: 'It was rejected.', delete: 'It was deleted.', expire: 'Nobody decided in time: it was not delivered.' }[
    what
  ];
  await settleStop(db, held.held_key, { state: ENDS[what], answer: `${why} ${told}` }, at());
}

/** At most once: a second mail to a sender helps nobody. */
async function tellSender(held: HeldRow, { db, settings, outbound, now }: ReleaseMeans): Promise<string> {
  if (settings.bounce === 'never') return 'Its sender is not notified.';
  if (!isProven(held)) return 'Its sender is not notified: nothing proves who that is.';
  if (outbound === null) return 'Its sender cannot be notified: SMTP_URL is not set.';
  if (!(await noteBounce(db, held.held_key))) return 'Its sender was notified.';
  const why = 'The people who decide about mail there have not accepted it.';
  const raw = bounceOf(held, { from: outbound.from, host: settings.host, why, now: now() });
  const about = { url: outbound.url, setting: 'SMTP_URL', from: '', recipients: [held.envelope_from], raw };
  const handed = await handOver(about, async () => true);
  if (handed.is === 'not_taken' && !handed.forever) {
    await clearBounce(db, held.held_key);
    throw new Later(handed.answer);
  }
  return handed.is === 'not_taken' ? `Its sender cannot be notified: ${handed.answer}` : 'Its sender was notified.';
}
