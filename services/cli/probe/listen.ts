import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';
import { messageOf, PermanentError } from '../../shared/errors.ts';
import { PROBE_LIMITS, type ProbeMail } from './mail.ts';

export interface Listener {
  /** Where it listens: "127.0.0.1:2525", "[::1]:2525". */
  at: string;
  /** Ends all connections. */
  stop(): Promise<void>;
}

export interface ListenOptions {
  address: string;
  /** 0: one that the system picks. */
  port: number;
  /** Given each mail. @returns whether the mail is taken; otherwise the client is answered with 452 */
  onMail(mail: ProbeMail): boolean;
  /** Given what was refused, as a sentence. */
  onRefused(why: string): void;
  now(): Date;
}

/**
 * An SMTP server that takes every mail, for every recipient, from every user, and keeps none. It relays
 * nothing.
 * @throws PermanentError `probe_listen`
 */
export async function startListener({ address, port, onMail, onRefused, now }: ListenOptions): Promise<Listener> {
  const server = new SMTPServer({
    name: 'ruawatch-probe',
    banner: 'takes mail to judge it, and delivers none',
    size: PROBE_LIMITS.size,
    maxClients: PROBE_LIMITS.clients,
    socketTimeout: PROBE_LIMITS.idleMs,
    closeTimeout: 500,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    authOptional: true,
    allowInsecureAuth: true,
    authMethods: ['PLAIN', 'LOGIN'],
    logger: false,
    // Passwords are not looked at: who it says it is is a hint about which workload that is.
    onAuth: (auth, _session, done) => done(null, { user: (auth.username ?? '').slice(0, 200) }),
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      let size = 0;
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= PROBE_LIMITS.size) chunks.push(chunk);
        else chunks.length = 0;
      });
      stream.once('error', done);
      stream.once('end', () => {
        if (size > PROBE_LIMITS.size) {
          onRefused(
            `A mail of ${size} bytes from ${plain(session.remoteAddress)} was refused: at most ${PROBE_LIMITS.size} are taken.`,
          );
          return done(answer(552, 'too large'));
        }
        const taken = onMail(mailOf(Buffer.concat(chunks), session, now()));
        done(taken ? null : answer(452, 'enough mails were taken'));
      });
    },
  });
  // Clients that break off are none of our business; the server goes on.
  server.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', (error) => {
      reject(
        new PermanentError(
          'probe_listen',
          `Nothing can be listened for at ${address}, port ${port}: ${messageOf(error)}.`,
          error,
        ),
      );
    });
    server.listen(port, address, () => resolve());
  });
  const bound = server.server.address() as AddressInfo;
  return {
    at: `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function mailOf(raw: Buffer, session: SMTPServerSession, at: Date): ProbeMail {
  const { mailFrom, rcptTo } = session.envelope;
  return {
    raw,
    at,
    peer: plain(session.remoteAddress),
    helo: session.hostNameAppearsAs || null,
    mailFrom: mailFrom === false ? '' : mailFrom.address,
    recipients: rcptTo.slice(0, 20).map((one) => one.address),
    user: typeof session.user === 'string' ? session.user : null,
  };
}

/** An address of IPv4 that a socket of IPv6 took. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

function answer(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}
