import { clean } from '../../mails/plain-text.ts';
import { backoff } from '../../shared/clock.ts';
import { PermanentError, RuawatchError } from '../../shared/errors.ts';
import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Metrics } from '../../shared/runtime/metrics.ts';
import * as outbox from '../../store/alerts/outbox.ts';
import { noteRefusal } from '../../store/alerts/refusals.ts';
import { noteRequestRefusal } from '../../store/alerts/request-mails.ts';
import type { Mailer, Sent } from './smtp.ts';

export interface Delivery {
  db: Db;
  mailer: Mailer;
  from: string;
  metrics: Metrics;
  log: Log;
}

export type Outcome =
  | { kind: 'idle' | 'sent' | 'failed' | 'deferred' | 'refused' }
  /** No mail passes at present: trying the next one is of no use. */
  | { kind: 'down'; error: RuawatchError };

/**
 * A server that is down is asked again within a minute; a mail that was put off (greylisting, a full mailbox)
 * waits longer.
 */
const DOWN_BASE_MS = 5_000;
const DOWN_CAP_MS = 60_000;
const DEFER_BASE_MS = 30_000;
const DEFER_CAP_MS = 30 * 60_000;
/**
 * RFC 5321 section 4.5.4.1: the give-up time generally needs to be at least 4 to 5 days. An outage never
 * counts towards it.
 */
const GIVE_UP_MS = 5 * 24 * 3_600_000;

/**
 * A mail is not repeated for those whom the server refuses (RFC 5321 section 4.2.1): what it was about is
 * composed again for them, by the settings of that moment. Refusals are corrected by people, so the tries
 * become rare, and go on for weeks.
 */
const REFUSED_BASE_MS = 15 * 60_000;
const REFUSED_CAP_MS = 12 * 3_600_000;
const REFUSED_DAYS_MS = 21 * 24 * 3_600_000;

/**
 * Sends the next due mail, if there is one. Its row stays locked from the claim to the commit that marks it
 * sent, so no other alerter can send it meanwhile. Should the process or the database die between the
 * server's 250 and that commit, the mail is sent once more: the same bytes with the same Message-ID, by which
 * the receiving side knows it. Nothing else sends a mail twice.
 */
export async function deliverNext(delivery: Delivery, now: Date): Promise<Outcome> {
  return transaction(delivery.db, async (tx) => {
    const mail = await outbox.claimDueMail(tx, now);
    if (mail === null) return { kind: 'idle' };
    const log = delivery.log.child({ outbox: mail.outbox_key, finding: mail.finding_key });
    const claim: Claim = { tx, mail, metrics: delivery.metrics, log };
    try {
      const sent = await delivery.mailer.send({ from: delivery.from, recipients: mail.recipients, raw: mail.raw });
      return await settle(claim, sent, now);
    } catch (error) {
      if (!(error instanceof RuawatchError)) throw error;
      if (error instanceof PermanentError) return await fail(claim, error.message, now);
      if (error.code === 'smtp_deferred') return await defer(claim, error.message, now);
      const wait = backoff(mail.attempts, DOWN_BASE_MS, DOWN_CAP_MS);
      await outbox.mailDelayed(tx, mail.outbox_key, {
        next_at: new Date(now.getTime() + wait),
        error: clean(error.message, 500),
      });
      delivery.metrics.alerts.inc({ outcome: 'delayed' });
      return { kind: 'down', error };
    }
  });
}

/** A mail that this transaction has claimed. */
interface Claim {
  tx: Tx;
  mail: outbox.ClaimedMail;
  metrics: Metrics;
  log: Log;
}

/**
 * Notes what became of a mail that the server took for some of its recipients at least, or put off for some.
 */
async function settle(claim: Claim, { accepted, deferred, refused }: Sent, now: Date): Promise<Outcome> {
  const { tx, mail, metrics, log } = claim;
  const names = refused.map(({ recipient }) => recipient);
  const why = refused.map(({ recipient, reply }) => `${recipient}: ${reply}`).join('; ');
  await outbox.noteDelivery(tx, mail.outbox_key, { delivered: accepted, refused: names });
  if (refused.length > 0) await refuse(claim, names, why, now);
  if (deferred.length > 0) {
    const left = { ...claim, mail: { ...mail, recipients: deferred } };
    return defer(left, 'the mail server postponed some recipients', now);
  }
  await outbox.mailSent(tx, mail.outbox_key, now, refused.length > 0 ? clean(`refused for ${why}`, 500) : null);
  metrics.alerts.inc({ outcome: 'sent' });
  log.info({ message_id: mail.message_id }, 'sent an alert');
  return { kind: 'sent' };
}

/** Postpones a mail for those who did not get it yet, or gives it up when that has gone on for too long. */
async function defer(claim: Claim, why: string, now: Date): Promise<Outcome> {
  const { tx, mail, metrics, log } = claim;
  if (now.getTime() - mail.created_at.getTime() > GIVE_UP_MS) {
    return fail(claim, `given up after five days: ${why}`, now);
  }
  const wait = backoff(mail.attempts, DEFER_BASE_MS, DEFER_CAP_MS);
  await outbox.mailDelayed(tx, mail.outbox_key, { next_at: new Date(now.getTime() + wait), error: clean(why, 500) });
  metrics.alerts.inc({ outcome: 'delayed' });
  log.warn({ err: clean(why, 500), seconds: Math.round(wait / 1000) }, 'postponed an alert');
  return { kind: 'deferred' };
}

/** Ends a mail that all who did not get it yet were refused. */
async function fail(claim: Claim, why: string, now: Date): Promise<Outcome> {
  const { tx, mail, metrics } = claim;
  await outbox.noteDelivery(tx, mail.outbox_key, { delivered: [], refused: mail.recipients });
  const of = mail.recipients.length < mail.audience.length ? `refused for ${mail.recipients.join(', ')}: ` : '';
  await outbox.mailFailed(tx, mail.outbox_key, clean(`${of}${why}`, 500));
  const { again } = await refuse(claim, mail.recipients, why, now);
  metrics.alerts.inc({ outcome: 'failed' });
  return { kind: again > 0 ? 'refused' : 'failed' };
}

/** What the mail was about is mailed anew to these recipients later. */
async function refuse(
  { tx, mail, log }: Claim,
  recipients: readonly string[],
  why: string,
  now: Date,
): Promise<{ again: number; over: number }> {
  const wait = (refusals: number, since: Date) =>
    now.getTime() - since.getTime() > REFUSED_DAYS_MS ? null : backoff(refusals, REFUSED_BASE_MS, REFUSED_CAP_MS);
  const refusal = { recipients, why: clean(why, 300), now, wait };
  const tries =
    mail.request_events === null
      ? await noteRefusal(tx, mail, refusal)
      : await noteRequestRefusal(tx, mail.request_events, refusal);
  const facts = { err: clean(why, 500), message_id: mail.message_id, recipients, ...tries };
  log.error(
    facts,
    tries.again > 0
      ? 'the mail server refused recipients of an alert; it is tried again as a new mail'
      : 'could not deliver an alert; see ruawatch.outbox.last_error',
  );
  return tries;
}
