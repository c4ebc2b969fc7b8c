import { withDefaults } from '../report/limits.ts';
import { readEnvelope } from '../report/mail/mime.ts';
import { codeOf, messageOf, PermanentError } from '../shared/errors.ts';
import { transaction } from '../shared/runtime/db.ts';
import { slices } from '../shared/slices.ts';
import {
  type Arrival,
  fingerprintOf,
  forgetLeft,
  forgetUids,
  type LeftMail,
  leftMails,
  markDisposed,
  type Place,
  recordLeft,
  storeMails,
  undisposed,
} from '../store/messages/intake.ts';
import { writeProgress } from '../store/messages/mailboxes.ts';
import { dispose } from './dispose.ts';
import { fetchHead, fetchMails, HEAD_BYTES, listMails, searchUids } from './imap-commands.ts';
import type { Session } from './session-context.ts';
import { tooLarge } from './size-limit.ts';
import { streamMail } from './stream.ts';
import { batches, type Listed } from './uids.ts';

/**
 * Mails listed at a time, mails fetched at a time, and the bytes of one batch; a larger mail is streamed
 * alone. A batch is one transaction here and one job of the parser.
 */
const LIST_COUNT = 500;
const BATCH_COUNT = 100;
const BATCH_BYTES = 8 * 1024 * 1024;
const STREAM_FROM_BYTES = 2 * 1024 * 1024;
const MAX_PENDING = 100_000;

/**
 * Stores every new mail of the folder: commits first, then moves, flags or deletes. When stopping, it ends
 * after the current batch.
 * @returns null, or a sentence that says why stored mails could not be moved, flagged or deleted
 * @throws whatever breaks the connection or the database; the next round continues where this one ended
 */
export async function pollRound(session: Session): Promise<string | null> {
  const { context, mailbox, connection, lease, state } = session;
  const { db } = context;
  // `keep` opens the folder read-only, so that the server itself prevents any change.
  const box = await connection.client.mailboxOpen(mailbox.folder, { readOnly: mailbox.after === 'keep' });
  if (!box.uidValidity) {
    throw new PermanentError('imap_uidvalidity', {
      about: `Mailbox "${mailbox.name}"`,
      says: `the folder "${mailbox.folder}" has no persistent UIDs (no UIDVALIDITY); choose another folder.`,
    });
  }
  const place: Place = { mailbox: mailbox.name, folder: mailbox.folder, uidValidity: Number(box.uidValidity) };
  await resetIfNew(session, place);

  const round = new Round(session, place);
  const pending = await round.finishPending();
  const left = await round.readLeft();
  const takesAll = mailbox.after === 'move' || mailbox.after === 'delete';
  const uids = await searchUids(connection.client, takesAll ? 1 : state.lastUid + 1);
  const work = uids.filter((uid) => !left.has(uid) && !pending.has(uid));
  round.backlog = work.length;
  await writeProgress(db, mailbox.name, lease.owner, { backlog: work.length });

  for (const uids of slices(work, LIST_COUNT)) {
    if (session.stopping.aborted) return round.trouble;
    await round.takeChunk(uids);
  }
  // When stopped within the last chunk, the round has not seen every mail.
  if (session.stopping.aborted) return round.trouble;
  await writeProgress(db, mailbox.name, lease.owner, { backlog: 0, polled: true });
  return round.trouble;
}

/**
 * A new UIDVALIDITY (or another folder) makes every known UID void: all mails are read again, and recognised
 * by their bytes.
 */
async function resetIfNew(session: Session, place: Place): Promise<void> {
  const { context, mailbox, lease, state, log } = session;
  const uidValidity = place.uidValidity!;
  if (state.uidValidity === uidValidity && state.folder === mailbox.folder) return;
  if (state.uidValidity !== null)
    log.warn(
      { was: state.uidValidity, is: uidValidity, folder: mailbox.folder },
      'the folder is new or was recreated; all its mails are read again',
    );
  await transaction(context.db, async (tx) => {
    await forgetUids(tx, place);
    await writeProgress(tx, mailbox.name, lease.owner, { folder: mailbox.folder, uidValidity, lastUid: 0 });
  });
  session.state.folder = mailbox.folder;
  session.state.uidValidity = uidValidity;
  session.state.lastUid = 0;
}

/** One round over one folder. */
class Round {
  readonly mailBytes: number;
  /** Mails that are still to be taken. */
  backlog!: number;
  /**
   * Message keys of mails that were recorded as left, by UID: those that fit the limit by now are taken
   * again.
   */
  private readonly retaken = new Map<number, number>();
  trouble: string | null = null;
  private readonly session: Session;
  private readonly place: Place;

  constructor(session: Session, place: Place) {
    this.session = session;
    this.place = place;
    this.mailBytes = withDefaults(session.context.config.limits).mailBytes;
  }

  /**
   * Finishes what a crash between commit and move left undone.
   * @returns the UIDs that are still to be moved, flagged or deleted, because the server refused
   */
  async finishPending(): Promise<Set<number>> {
    const rows = await undisposed(this.session.context.db, this.place, MAX_PENDING);
    for (const some of slices(rows, LIST_COUNT)) {
      this.session.turned();
      await this.disposeOf(
        some.map((r) => r.uid),
        some.map((r) => r.message_key),
      );
      // Those before it are no longer looked for: they were moved or deleted, or have the flag.
      if (this.trouble !== null) return new Set(rows.map((r) => r.uid));
    }
    return new Set();
  }

  /** The UIDs of mails that are left in the folder. */
  async readLeft(): Promise<Set<number>> {
    const rows = await leftMails(this.session.context.db, this.place, this.mailBytes);
    for (const row of rows) this.retaken.set(row.uid, row.message_key);
    return new Set(rows.filter((row) => !row.fits).map((row) => row.uid));
  }

  async takeChunk(uids: number[]): Promise<void> {
    const { connection, stopping, turned } = this.session;
    turned();
    const listed = await listMails(connection.client, uids);
    const fits = listed.filter((mail) => mail.size <= this.mailBytes);
    this.backlog -= uids.length - fits.length;
    for (const mail of listed) if (mail.size > this.mailBytes) await this.leaveLarge(mail);
    // A large mail becomes a batch of its own, since nothing fits beside it.
    const weighed = fits.map((mail) => ({ mail, size: mail.size > STREAM_FROM_BYTES ? Number.POSITIVE_INFINITY : mail.size }));
    for (const batch of batches(weighed, BATCH_COUNT, BATCH_BYTES)) {
      if (stopping.aborted) return;
      turned();
      const mails = batch.map((b) => b.mail);
      if (mails.length === 1 && mails[0]!.size > STREAM_FROM_BYTES) await this.takeLarge(mails[0]!);
      else await this.takeBatch(mails);
    }
    await this.progress(uids.at(-1)!);
  }

  private async progress(lastUid: number): Promise<void> {
    const { context, mailbox, lease, state } = this.session;
    await writeProgress(context.db, mailbox.name, lease.owner, { lastUid, backlog: this.backlog });
    state.lastUid = Math.max(state.lastUid, lastUid);
  }

  private async takeBatch(mails: readonly Listed[]): Promise<void> {
    const { context, mailbox, connection, lease, state } = this.session;
    const fetched = await fetchMails(
      connection.client,
      mails.map((m) => m.uid),
    );
    const listed = new Map(mails.map((m) => [m.uid, m]));
    const arrivals: (Arrival & { raw: Buffer })[] = [];
    for (const { uid, raw, why } of fetched) {
      const mail = listed.get(uid)!;
      if (raw === null) await this.leaveUnreadable(mail, why);
      // The announced size may have been wrong.
      else if (raw.length > this.mailBytes) await this.leaveLarge({ ...mail, size: raw.length });
      else
        arrivals.push({ ...this.arrival(mail, raw.subarray(0, HEAD_BYTES)), size: raw.length, sha256: fingerprintOf(raw), raw });
    }
    lease.check();
    const lastUid = mails.at(-1)!.uid;
    const backlog = this.backlog - mails.length;
    const { stored, known } = await transaction(context.db, async (tx) => {
      const intake = await storeMails(tx, this.place, arrivals);
      await writeProgress(tx, mailbox.name, lease.owner, { lastUid, backlog });
      return intake;
    });
    state.lastUid = Math.max(state.lastUid, lastUid);
    this.backlog = backlog;
    await this.committed(
      arrivals.map((m) => m.uid!),
      stored,
      known,
    );
  }

  private async takeLarge(mail: Listed): Promise<void> {
    const { mailBytes, place, session } = this;
    const outcome = await streamMail(session, place, mail.uid, { mailBytes, describe: (head) => this.arrival(mail, head) });
    this.backlog -= 1;
    if (outcome.kind === 'gone') return;
    if (outcome.kind === 'too_large') return this.leaveLarge({ ...mail, size: Math.max(mail.size, outcome.size) });
    await this.progress(mail.uid);
    await this.committed(
      [mail.uid],
      outcome.kind === 'stored' ? [outcome.key] : [],
      outcome.kind === 'known' ? outcome.keys : [],
    );
  }

  /** After the commit, and only then: wakes the parser and disposes of the mails. */
  private async committed(uids: number[], stored: number[], known: number[]): Promise<void> {
    const { context, mailbox, log, wake } = this.session;
    context.metrics.mails.inc({ mailbox: mailbox.name, outcome: 'stored' }, stored.length);
    context.metrics.mails.inc({ mailbox: mailbox.name, outcome: 'known' }, uids.length - stored.length);
    const obsolete = uids.map((uid) => this.retaken.get(uid)).filter((key) => key !== undefined);
    for (const some of slices(obsolete, LIST_COUNT)) await forgetLeft(context.db, some);
    if (stored.length > 0) wake(stored);
    if (uids.length > 0)
      log.info({ stored: stored.length, known: uids.length - stored.length, messages: stored }, 'mails stored');
    await this.disposeOf(uids, [...stored, ...known]);
  }

  /**
   * A refusal concerns the mailbox and does not keep further mails from being stored: it is recorded, and
   * retried in the next round.
   */
  private async disposeOf(uids: number[], keys: number[]): Promise<void> {
    const { context, mailbox, connection, lease } = this.session;
    if (this.trouble !== null || uids.length === 0) return;
    lease.check();
    try {
      await dispose(
        connection,
        mailbox,
        [...uids].sort((a, b) => a - b),
      );
    } catch (error) {
      if (codeOf(error) !== 'dispose_refused') throw error;
      this.trouble = messageOf(error);
      return;
    }
    await markDisposed(context.db, keys);
  }

  private async leaveLarge(mail: Listed): Promise<void> {
    const head = await fetchHead(this.session.connection.client, mail.uid);
    const arrival = this.arrival(mail, head);
    await this.leave(tooLarge({ ...arrival, size: mail.size }, this.mailBytes, this.place.folder));
    this.session.context.metrics.mails.inc({ mailbox: this.place.mailbox, outcome: 'oversize' });
  }

  private async leaveUnreadable(mail: Listed, why: string): Promise<void> {
    const { folder, uidValidity } = this.place;
    await this.leave({
      ...this.arrival(mail, Buffer.from('')),
      size: mail.size,
      fingerprint: fingerprintOf(`unreadable|${folder}|${uidValidity}|${mail.uid}`),
      code: 'mail_unreadable',
      reason: `The mail server does not send the mail (it says: ${why}); it was left in the folder "${folder}" as UID ${mail.uid}.`,
    });
  }

  private async leave(mail: LeftMail): Promise<void> {
    const { context, lease, log } = this.session;
    lease.check();
    const fresh = await recordLeft(context.db, this.place, [mail]);
    if (fresh > 0) log.warn({ uid: mail.uid, code: mail.code, size: mail.size }, 'a mail was left in the folder');
  }

  private arrival(mail: Listed, head: Buffer): Omit<Arrival, 'sha256'> {
    const envelope = readEnvelope(head);
    return {
      uid: mail.uid,
      receivedAt: mail.receivedAt ?? this.session.context.clock.now(),
      sender: envelope.from,
      subject: envelope.subject,
      messageId: envelope.message_id,
      size: mail.size,
    };
  }
}
