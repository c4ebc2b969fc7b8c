import { firstFields, readMailHeader, WHOLE_HEADER } from '../../report/mail/header.ts';
import { headOf } from '../../report/mail/mime.ts';
import { kept } from '../../requests/held/normal.ts';
import type { Queryable } from '../../shared/runtime/db.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { HeldRow } from '../../store/held/held.ts';
import { ambiguousCopies } from '../../store/held/work.ts';
import { releaseMark } from './header.ts';
import type { HoldEntry, HoldQueue } from './postfix.ts';

/** How much the clocks of Postfix and the database may differ. */
const CLOCKS_MS = 600_000;

type Facts = Pick<HeldRow, 'held_key' | 'held_at' | 'envelope_from' | 'header_from' | 'subject' | 'message_id' | 'release_token'>;

function isMarked({ held_key, release_token }: Pick<HeldRow, 'held_key' | 'release_token'>, header: string): boolean {
  const mark = releaseMark(header);
  return mark?.held_key === held_key && mark.token === release_token;
}

/**
 * Whether a file in the hold queue is a copy of this mail. Postfix gives the name of a queue file to another
 * mail later (enable_long_queue_ids is off by default), so that a name alone proves nothing.
 *
 * A copy that a release made has its token. Any other has the fields that the milter saw, and came no earlier
 * than the mail. The envelope's sender counts only without a Message-ID: Postfix may rewrite it on the way
 * into the queue (canonical(5), SRS).
 */
export function isCopyOf(held: Facts, { arrived, sender }: Omit<HoldEntry, 'id'>, header: string): boolean {
  if (arrived <= held.held_at.getTime() - CLOCKS_MS) return false;
  if (isMarked(held, header)) return true;
  const raw = Buffer.from(header, 'latin1');
  const { from, subject, message_id } = headOf(firstFields(readMailHeader(raw, WHOLE_HEADER).fields));
  // A field that was missing may have been added by Postfix since.
  const same = (known: string | null, found: string | null) => known === null || (found !== null && known === kept(found));
  if (!same(held.message_id, message_id) || !same(held.subject, subject) || !same(held.header_from, from)) return false;
  if (held.message_id !== null) return true;
  const near = Math.abs(arrived - held.held_at.getTime()) < CLOCKS_MS;
  return sender === held.envelope_from && (held.subject !== null || held.header_from !== null || near);
}

/**
 * Of names of queue files, those in the hold queue that are proven to be copies of this mail, at this moment.
 * A file with such a name that is another mail is left alone, and the log says so.
 */
export async function provenCopies(
  held: HeldRow,
  ids: readonly string[],
  { db, queue, log }: { db: Queryable; queue: HoldQueue; log: Log },
): Promise<string[]> {
  if (ids.length === 0) return [];
  const there = (await queue.list()).filter(({ id }) => ids.includes(id));
  const unclear = new Set(
    await ambiguousCopies(
      db,
      held,
      there.map(({ id }) => id),
    ),
  );
  const proven: string[] = [];
  for (const entry of there) {
    const { id } = entry;
    const header = await headerOf(id, queue);
    const clear = header !== null && (isMarked(held, header) || !unclear.has(id));
    if (clear && isCopyOf(held, entry, header)) proven.push(id);
    else
      log.warn(
        { held: held.held_key, id },
        'a file in the hold queue has the name of a held mail and is not proven to be it: it is left alone',
      );
  }
  return proven;
}

/** Null when the file has gone meanwhile, by another hand. */
async function headerOf(id: string, queue: HoldQueue): Promise<string | null> {
  try {
    return await queue.readHeader(id);
  } catch (error) {
    if ((await queue.list()).some((one) => one.id === id)) throw error;
    return null;
  }
}
