import { chmodSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { messageOf, SettingsError } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { MilterListen } from '../shared/settings/milter.ts';
import type { Session } from './session.ts';
import { readCommand } from './wire/commands.ts';
import { Frames } from './wire/frames.ts';
import { ProtocolError } from './wire/protocol.ts';

/** Connections at a time: each may hold a header of 128 KiB. Postfix has 100 processes by default. */
const MOST_CONNECTIONS = 200;
/**
 * Milliseconds of silence after which a connection ends. A server keeps it as long as the SMTP client is
 * there.
 */
const SILENCE_MS = 15 * 60_000;
/**
 * Milliseconds that servers have to end their connections by themselves when the milter stops, and to end a
 * mail.
 */
const LEAVE_MS = 3_000;
const FINISH_MS = 20_000;

export interface Listening {
  /** The port; null for a Unix socket. */
  port: number | null;
  /** Takes no new connection; resolves when the mails on their way are decided about. */
  close(): Promise<void>;
}

/**
 * Listens for mail servers.
 * @throws SettingsError when the address cannot be listened on
 */
export async function listen(address: MilterListen, begin: () => Session, log: Log): Promise<Listening> {
  const open = new Set<Connection>();
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = new Connection(socket, begin(), log);
    open.add(connection);
    socket.once('close', () => open.delete(connection));
  });
  server.maxConnections = MOST_CONNECTIONS;
  await bind(server, address);
  server.on('error', (error) => log.warn({ err: messageOf(error) }, 'the milter cannot take a connection'));
  const at = server.address();
  return {
    port: typeof at === 'string' ? null : at!.port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A server that finds its connection closed between two mails does without the milter for the second:
      // so first all may end by themselves.
      const idle = setTimeout(() => {
        for (const connection of open) connection.leave();
      }, LEAVE_MS);
      const late = setTimeout(() => {
        for (const connection of open) connection.cut();
      }, FINISH_MS);
      await closed;
      clearTimeout(idle);
      clearTimeout(late);
    },
  };
}

async function bind(server: Server, address: MilterListen): Promise<void> {
  const where = 'path' in address ? `unix:${address.path}` : `${address.host}:${address.port}`;
  try {
    if ('path' in address) await removeStale(address.path);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address, resolve);
    });
    // The mail server is in the group of the folder or of the program.
    if ('path' in address) chmodSync(address.path, 0o660);
  } catch (error) {
    throw new SettingsError(`The milter cannot listen on ${where}: ${messageOf(error)}. Correct milter.listen.`, error);
  }
}

/** Removes a socket that nobody listens on. */
async function removeStale(path: string): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  const taken = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
  if (!taken) rmSync(path, { force: true });
}

/** A connection: its octets become commands, which are taken one after the other. */
class Connection {
  private readonly socket: Socket;
  private readonly session: Session;
  private readonly log: Log;
  /** From a command to its answer: the session forgets a mail just before the answer to it is written. */
  private working = false;
  private leaving = false;

  constructor(socket: Socket, session: Session, log: Log) {
    this.socket = socket;
    this.session = session;
    this.log = log;
    socket.setTimeout(SILENCE_MS, () => this.cut());
    // Nobody waits for an answer on a connection that broke off; reading it ends.
    socket.on('error', () => this.cut());
    void this.serve();
  }

  /** Ends now, or with the mail on its way. */
  leave(): void {
    this.leaving = true;
    if (!this.working && !this.session.busy) this.cut();
  }

  cut(): void {
    this.socket.destroy();
  }

  private async serve(): Promise<void> {
    const frames = new Frames();
    try {
      // Only then an error of ours is told from a connection that broke off, and the last answer arrives.
      const pieces: AsyncIterable<Buffer> = this.socket.iterator({ destroyOnReturn: false });
      for await (const piece of pieces) {
        for (const packet of frames.push(piece)) {
          this.working = true;
          const replies = await this.session.take(readCommand(packet));
          this.working = false;
          if (replies === null) return this.socket.destroySoon();
          if (replies.length > 0) this.socket.write(Buffer.concat(replies));
          if (this.leaving && !this.session.busy) return this.socket.destroySoon();
        }
      }
    } catch (error) {
      if (error instanceof ProtocolError)
        this.log.warn({ err: error.message }, 'a mail server broke the milter protocol; its connection is closed');
      else if (!this.socket.destroyed) this.log.error({ err: messageOf(error) }, 'a connection of the milter failed');
    } finally {
      this.session.abandon();
    }
    this.cut();
  }
}
