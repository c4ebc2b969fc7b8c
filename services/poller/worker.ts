import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { backoff, sleep } from '../shared/clock.ts';
import { messageOf, type RuawatchError } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import { type Context, Heartbeat } from '../shared/runtime/service.ts';
import type { Mailbox } from '../shared/settings/mailbox.ts';
import { noteMailboxError } from '../store/messages/mailboxes.ts';
import { type Connection, connect } from './connect.ts';
import { explain, explainOwn, isImapError } from './explain.ts';
import { holdLease, type Lease } from './lease.ts';
import { createTokens, type Tokens } from './oauth.ts';
import { pollRound } from './poll-mailbox.ts';
import type { Session } from './session-context.ts';
import { waitForMail } from './wait-for-mail.ts';
import { ParserWaker } from './wake-parser.ts';

/** Times of the poller, in milliseconds. The defaults are for production; tests shorten them. */
export interface PollerOptions {
  /** How long a lease lasts without being renewed: another poller takes over this long after a crash. */
  leaseMs?: number;
  /** First wait after a lost connection; doubles up to a minute. */
  retryMs?: number;
  /** A connection that was silent for this long is tested. */
  quietMs?: number;
  /**
   * First wait after a refusal that only a person can put right (a wrong password); doubles up to five
   * minutes.
   */
  refusedMs?: number;
  /** How long a batch may go on after a stop, on a connection that may hang. */
  stopMs?: number;
}

const DEFAULTS: Required<PollerOptions> = {
  leaseMs: 30_000,
  retryMs: 1_000,
  quietMs: 60_000,
  refusedMs: 15_000,
  stopMs: 15_000,
};
const RETRY_CAP_MS = 60_000;
const REFUSED_CAP_MS = 300_000;

/** Works one mailbox until stopped: lease, connection, rounds; and the same again after any failure. */
export class MailboxWorker {
  private readonly context: Context;
  private readonly mailbox: Mailbox;
  private readonly options: Required<PollerOptions>;
  private readonly owner = `${hostname()}:${process.pid}:${randomBytes(6).toString('hex')}`;
  private readonly log: Log;
  private readonly tokens: Tokens | null;
  private readonly parser: ParserWaker;
  private readonly stopping = new AbortController();
  private readonly loop: Promise<void>;
  private readonly heartbeat: Heartbeat;
  private trouble: string | null;
  /** The failure that was last logged. */
  private said: string | null = null;
  private failures = 0;

  constructor(context: Context, mailbox: Mailbox, options: PollerOptions = {}) {
    this.context = context;
    this.mailbox = mailbox;
    this.options = { ...DEFAULTS, ...options };
    this.log = context.log.child({ service: 'poller', mailbox: mailbox.name });
    this.tokens = mailbox.oauth ? createTokens(mailbox.name, mailbox.oauth, context.clock) : null;
    this.parser = new ParserWaker(context.queues);
    this.heartbeat = new Heartbeat(`mailbox "${mailbox.name}"`, 1000 * mailbox.pollSeconds);
    this.trouble = `mailbox "${mailbox.name}": not connected yet`;
    this.loop = this.run();
  }

  /** A sentence that says what keeps the mailbox from being polled; null when nothing does. */
  waitingFor(): string | null {
    return this.trouble;
  }

  /** A sentence when the mailbox has not been looked at for long. */
  stuck(): string | null {
    return this.heartbeat.stuck();
  }

  /** Resolves once the batch under way has been stored and everything is released. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
    await this.parser.settled();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      this.heartbeat.turned();
      try {
        await this.work();
      } catch (error) {
        if (signal.aborted) break;
        await sleep(await this.fail(explainOwn(error, this.mailbox)), signal);
      }
    }
  }

  /** Works the mailbox under one lease. Returns at once when another poller holds the lease. */
  private async work(): Promise<void> {
    const { context, mailbox, options, stopping, log } = this;
    const lease = await holdLease(context.db, mailbox, { owner: this.owner, leaseMs: options.leaseMs, log });
    if (lease === null) {
      // A stand-by is healthy.
      context.metrics.lastPoll.set({ mailbox: mailbox.name }, 0);
      if (this.trouble !== null) log.info('another poller works the mailbox; this one stands by');
      this.trouble = null;
      const pauseMs = options.leaseMs / 3;
      await sleep(pauseMs, stopping.signal);
      return;
    }
    const { polledAt } = lease.state;
    if (polledAt !== null) context.metrics.lastPoll.set({ mailbox: mailbox.name }, polledAt.getTime() / 1000);
    let connection: Connection | null = null;
    try {
      connection = await connect(mailbox, this.tokens, AbortSignal.any([stopping.signal, lease.signal]));
      context.metrics.imapUp.set({ mailbox: mailbox.name }, 1);
      log.info({ host: mailbox.host, folder: mailbox.folder }, 'mailbox connected');
      await this.useConnection(lease, connection);
    } finally {
      context.metrics.imapUp.set({ mailbox: mailbox.name }, 0);
      await connection?.close();
      const released = lease.release().catch((error: unknown) => {
        log.warn({ err: messageOf(error) }, 'the lease could not be released; it expires by itself');
      });
      // A lease that is lost may be so because Postgres does not answer.
      if (!lease.signal.aborted) await released;
    }
  }

  /** Polls round after round, for as long as the connection and the lease last. */
  private async useConnection(lease: Lease, connection: Connection): Promise<void> {
    const { client } = connection;
    const { signal } = this.stopping;
    const drop = () => client.close();
    lease.signal.addEventListener('abort', drop);
    // A batch under way may end, but a connection that hangs must not hold up the stop.
    const dropSoon = () => setTimeout(drop, this.options.stopMs).unref();
    signal.addEventListener('abort', dropSoon);
    try {
      // What hangs in Postgres must not keep the loop from taking the lease again; what it does later is
      // refused by lease.check.
      await Promise.race([this.poll(lease, connection), abortOf(lease.signal)]);
    } catch (error) {
      lease.check();
      throw client.usable && !isImapError(error) ? error : explain(error, this.mailbox);
    } finally {
      signal.removeEventListener('abort', dropSoon);
    }
  }

  private async poll(lease: Lease, connection: Connection): Promise<void> {
    const { context, mailbox, log, options } = this;
    const { client, refusals } = connection;
    const stopping = this.stopping.signal;
    let arrived = false;
    client.on('exists', ({ count, prevCount }) => {
      arrived ||= count > prevCount;
    });
    const wake = (keys: readonly number[]) => this.parser.wake(keys);
    let read = false;
    const turned = () => {
      this.heartbeat.turned();
      // A first round over a large folder takes hours: the mailbox is ready once its mails are read.
      if (!read) this.trouble = null;
      read = true;
    };
    const session: Session = { context, mailbox, connection, lease, state: lease.state, stopping, log, wake, turned };
    let logged: string | null = null;
    while (!stopping.aborted) {
      arrived = false;
      this.heartbeat.turned();
      const trouble = await pollRound(session);
      this.heartbeat.turned();
      context.metrics.lastPoll.set({ mailbox: mailbox.name }, context.clock.now().getTime() / 1000);
      this.failures = 0;
      this.said = null;
      this.trouble = trouble;
      if (trouble !== null) await noteMailboxError(context.db, mailbox.name, mailbox.folder, trouble);
      if (trouble !== null && trouble !== logged) log.error({ code: 'dispose_refused' }, trouble);
      logged = trouble;
      if (!arrived) await waitForMail(client, mailbox, options.quietMs, stopping);
      lease.check();
      if (!client.usable) throw new Error(refusals.take() || client.byeReason || 'the server closed it');
    }
  }

  /** Logs and records a failure. Returns how long to wait before the next try, in milliseconds. */
  private async fail(error: RuawatchError): Promise<number> {
    const { context, mailbox, log, options } = this;
    const { code, message, transient } = error;
    const wait = transient
      ? backoff(this.failures, options.retryMs, RETRY_CAP_MS)
      : backoff(this.failures, options.refusedMs, REFUSED_CAP_MS);
    this.failures++;
    this.trouble = message;
    // Once, until it is another one.
    const level = this.said === message ? 'debug' : transient ? 'warn' : 'error';
    this.said = message;
    log[level]({ code, retry_seconds: Math.ceil(wait / 1000) }, message);
    // A poller that lost its lease must not write to the mailbox's row any more.
    if (code !== 'lease_lost') {
      await noteMailboxError(context.db, mailbox.name, mailbox.folder, message).catch((cause: unknown) => {
        log.warn({ err: messageOf(cause) }, 'the error of the mailbox could not be recorded');
      });
    }
    return wait;
  }
}

/** Rejects with the signal's reason once it aborts. */
const abortOf = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
