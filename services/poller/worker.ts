import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { ImapFlow } from 'imapflow';
import { backoff, sleep } from '../shared/clock.ts';
import { codeOf, isTransient, messageOf, RuawatchError, TransientError } from '../shared/errors.ts';
import type { Context } from '../shared/runtime/service.ts';
import type { Mailbox } from '../shared/settings/mailbox.ts';
import { noteMailboxError } from '../store/messages/mailboxes.ts';
import { type Connection, connect } from './connect.ts';
import { explain } from './explain.ts';
import { holdLease, type Lease } from './lease.ts';
import { createTokens } from './oauth.ts';
import { pollRound } from './round.ts';

/** Waits of the poller; the defaults are for production, tests shorten them. */
export interface PollerOptions {
  /** A poller that died is succeeded after this long, in milliseconds. */
  leaseMs?: number;
  /** First wait after a lost connection, in milliseconds; doubles up to a minute. */
  retryMs?: number;
  /** A connection that was silent for this long is asked whether it still stands, in milliseconds. */
  quietMs?: number;
  /** First wait after a refusal that only a person can mend (a wrong password), in milliseconds; doubles up to five minutes. */
  refusedMs?: number;
}

/** The worker of one mailbox. */
export interface MailboxWorker {
  waitingFor(): string | null;
  stop(): Promise<void>;
}

const RETRY_CAP_MS = 60_000;
const REFUSED_CAP_MS = 300_000;
const STOP_MS = 15_000;
const IDLE_PAUSE_MS = 100;
const KEYS_PER_JOB = 100;
/** Wake-ups that may be under way at once; what is beyond is left to the sweeper. */
const WAKES_MOST = 20;

/** Works one mailbox until stopped: lease, connection, rounds; and the same again after any failure. */
export function workMailbox(context: Context, mailbox: Mailbox, options: PollerOptions): MailboxWorker {
  const { db, queues, clock, metrics } = context;
  const leaseMs = options.leaseMs ?? 30_000;
  const quietMs = options.quietMs ?? 60_000;
  const owner = `${hostname()}:${process.pid}:${randomBytes(6).toString('hex')}`;
  const log = context.log.child({ service: 'poller', mailbox: mailbox.name });
  const tokens = mailbox.oauth ? createTokens(mailbox.name, mailbox.oauth, clock) : null;
  const stopping = new AbortController();
  const wakes = new Set<Promise<boolean>>();
  let waiting: string | null = `mailbox "${mailbox.name}": not connected yet`;
  let failures = 0;

  const wake = (keys: readonly number[]) => {
    for (let at = 0; at < keys.length && wakes.size < WAKES_MOST; at += KEYS_PER_JOB) {
      const added = queues.add('parse', { messages: keys.slice(at, at + KEYS_PER_JOB) });
      wakes.add(added);
      void added.finally(() => wakes.delete(added));
    }
  };

  /** One connection, for as long as it lasts. */
  const converse = async (lease: Lease, connection: Connection) => {
    const { client } = connection;
    const drop = () => client.close();
    lease.signal.addEventListener('abort', drop, { once: true });
    // A batch under way may end; a connection that hangs may not hold up the stop.
    const hurry = () => setTimeout(drop, STOP_MS).unref();
    stopping.signal.addEventListener('abort', hurry, { once: true });
    let arrived = false;
    client.on('exists', ({ count, prevCount }) => {
      arrived ||= count > prevCount;
    });
    const session = { context, mailbox, connection, lease, state: lease.state, stopping: stopping.signal, log, wake };
    try {
      let told: string | null = null;
      while (!stopping.signal.aborted) {
        arrived = false;
        const trouble = await pollRound(session);
        failures = 0;
        waiting = trouble;
        if (trouble !== null) await noteMailboxError(db, mailbox.name, mailbox.folder, trouble);
        if (trouble !== null && trouble !== told) log.error({ code: 'dispose_refused' }, trouble);
        told = trouble;
        if (!arrived) await waitForMail(client, mailbox, quietMs, stopping.signal);
        lease.check();
        if (!client.usable) throw new Error(connection.refusals.take() || client.byeReason || 'the server closed it');
      }
    } catch (error) {
      lease.check();
      throw client.usable && !isImap(error) ? error : explain(error, mailbox);
    } finally {
      lease.signal.removeEventListener('abort', drop);
      stopping.signal.removeEventListener('abort', hurry);
    }
  };

  const work = async () => {
    const lease = await holdLease(db, mailbox, owner, leaseMs, log);
    if (lease === null) {
      // A stand-by does its work by waiting.
      waiting = null;
      await sleep(leaseMs / 3, stopping.signal);
      return;
    }
    let connection: Connection | null = null;
    try {
      connection = await connect(mailbox, tokens, AbortSignal.any([stopping.signal, lease.signal]));
      metrics.imapUp.set({ mailbox: mailbox.name }, 1);
      log.info({ host: mailbox.host, folder: mailbox.folder }, 'mailbox connected');
      await converse(lease, connection);
    } finally {
      metrics.imapUp.set({ mailbox: mailbox.name }, 0);
      await connection?.close();
      await lease.release().catch((error: unknown) => {
        log.warn({ err: messageOf(error) }, 'the lease could not be given back; it runs out by itself');
      });
    }
  };

  const loop = (async () => {
    while (!stopping.signal.aborted) {
      try {
        await work();
      } catch (error) {
        if (stopping.signal.aborted) break;
        const known = toRuawatch(error, mailbox);
        const wait = known.transient
          ? backoff(failures, options.retryMs ?? 1_000, RETRY_CAP_MS)
          : backoff(failures, options.refusedMs ?? 15_000, REFUSED_CAP_MS);
        failures++;
        waiting = known.message;
        log[known.transient ? 'warn' : 'error']({ code: known.code, retry_seconds: Math.ceil(wait / 1000) }, known.message);
        // With the lease, the row became another poller's.
        if (known.code !== 'lease_lost') {
          await noteMailboxError(db, mailbox.name, mailbox.folder, known.message).catch((cause: unknown) => {
            log.warn({ err: messageOf(cause) }, 'the trouble of the mailbox could not be recorded');
          });
        }
        await sleep(wait, stopping.signal);
      }
    }
  })();

  return {
    waitingFor: () => waiting,
    async stop() {
      stopping.abort();
      await loop;
      await Promise.allSettled(wakes);
    },
  };
}

/**
 * Waits until the server tells of new mail (RFC 2177), or until it is time to look: IDLE is a courtesy that some servers and many
 * firewalls break silently, so the folder is looked at every `pollSeconds` in any case.
 */
async function waitForMail(client: ImapFlow, mailbox: Mailbox, quietMs: number, stopping: AbortSignal): Promise<void> {
  const wake = new AbortController();
  const onExists = ({ count, prevCount }: { count: number; prevCount: number }) => {
    if (count > prevCount) wake.abort();
  };
  const onClose = () => wake.abort();
  client.on('exists', onExists);
  client.on('close', onClose);
  const over = AbortSignal.any([stopping, wake.signal]);
  const until = performance.now() + mailbox.pollSeconds * 1000;
  try {
    if (mailbox.idle && client.capabilities.has('IDLE')) void idle(client, over);
    while (!over.aborted && client.usable && performance.now() < until) {
      await sleep(Math.min(quietMs, until - performance.now()), over);
      // Ends the IDLE, shows whether the connection still stands, and has the server tell its news where there is no IDLE.
      if (!stopping.aborted && client.usable) await client.noop();
    }
  } finally {
    wake.abort();
    client.off('exists', onExists);
    client.off('close', onClose);
  }
}

/** Idles until it is over; any other command on the connection ends one IDLE, and another one follows. */
async function idle(client: ImapFlow, over: AbortSignal): Promise<void> {
  try {
    while (!over.aborted && client.usable && (await client.idle()) !== false) {
      // IDLE answers at once on a connection that is just ending.
      await sleep(IDLE_PAUSE_MS, over);
    }
  } catch (error) {
    // The same failure ends the command that comes next, whose caller deals with it.
    client.log.debug({ err: error });
  }
}

function isImap(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && ('responseStatus' in error || 'mailboxMissing' in error || '_connId' in error)
  );
}

/** What did not come from the mail server came from Postgres, or is a mistake of ours: said as such, and tried again either way. */
function toRuawatch(error: unknown, mailbox: Mailbox): RuawatchError {
  if (error instanceof RuawatchError) return error;
  const database = isTransient(error) || /^[0-9A-Z]{5}$/.test(codeOf(error) ?? '');
  return database
    ? new TransientError(
        'database',
        `Mailbox "${mailbox.name}" waits for Postgres (${messageOf(error)}); nothing is moved in it meanwhile.`,
        error,
      )
    : new TransientError('poller', `Mailbox "${mailbox.name}": ${messageOf(error)}; it is tried again.`, error);
}
