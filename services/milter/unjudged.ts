import { messageOf } from '../shared/errors.ts';
import type { Db } from '../shared/runtime/db.ts';
import type { Log } from '../shared/runtime/log.ts';
import { noteUnjudged, type Unjudged } from '../store/milter/unjudged.ts';

/** Notes that wait for the store; of more, the log alone knows. */
const MOST_WAITING = 10_000;

/** Mails that could not be judged: each is logged at once, and noted in the store when it answers again. */
export class UnjudgedNotes {
  private readonly db: Db;
  private readonly log: Log;
  private waiting: Unjudged[] = [];

  constructor(db: Db, log: Log) {
    this.db = db;
    this.log = log;
  }

  add(note: Unjudged): void {
    this.log.warn(
      note,
      note.outcome === 'accept'
        ? 'a mail passed that could not be judged'
        : 'a mail could not be judged: the client must try again',
    );
    if (this.waiting.length < MOST_WAITING) this.waiting.push(note);
  }

  /** Writes what waits. @throws what Postgres throws; the notes stay then */
  async write(now: Date): Promise<void> {
    // A copy: more may come before these are written.
    const notes = [...this.waiting];
    if (notes.length === 0) return;
    await noteUnjudged(this.db, notes, now);
    this.waiting = this.waiting.slice(notes.length);
  }

  /** The last try, when the milter stops: what cannot be written is in the log. */
  async end(now: Date): Promise<void> {
    await this.write(now).catch((error: unknown) =>
      this.log.warn(
        { err: messageOf(error), mails: this.waiting.length },
        'mails that could not be judged are noted in this log alone',
      ),
    );
  }
}
