import { createHash, randomBytes } from 'node:crypto';
import type { AddressInfo, Socket } from 'node:net';
import hoodiecrow, { type Plugin } from 'hoodiecrow-imap';
import { ImapFlow } from 'imapflow';
import { pino } from 'pino';
import { systemClock } from '../../services/shared/clock.ts';
import { createMetrics } from '../../services/shared/runtime/metrics.ts';
import { createQueues } from '../../services/shared/runtime/queues.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { loadConfig } from '../../services/shared/settings/config.ts';
import { type Mailbox, toMailbox } from '../../services/shared/settings/mailbox.ts';
import { type Chunk, inflateChunk } from '../../services/store/messages/raw-chunks.ts';
import type { TestDatabase } from '../helpers/database.ts';

export interface TestContext extends Context {
  /** Everything logged, one JSON object a line. */
  logged(): string;
  close(): Promise<void>;
}

/** A real context on the test's database: real queues on Postgres, real metrics, a log that is kept. */
export function contextFor(t: TestDatabase, mailboxes: Mailbox[], limits: Record<string, number> = {}): TestContext {
  const lines: string[] = [];
  const log = pino({ level: 'debug', base: null }, { write: (line: string) => lines.push(line) });
  const metrics = createMetrics();
  const queues = createQueues({ redisUrl: null, databaseUrl: t.url }, log, metrics);
  const config = { ...loadConfig({}, import.meta.dirname), databaseUrl: t.url, mailboxes, limits };
  return {
    config,
    db: t.db,
    queues,
    log,
    metrics,
    clock: systemClock,
    logged: () => lines.join(''),
    close: () => queues.close(),
  };
}

/** Settings of a mailbox as a user writes them, with a name of its own. */
export function mailboxAt(url: string, extra: Partial<Parameters<typeof toMailbox>[0]> = {}): Mailbox {
  return toMailbox({ name: `box-${randomBytes(4).toString('hex')}`, url, poll_seconds: 1, ...extra }, import.meta.dirname);
}

/** Waits for something to become true. Gives up after 30 s, with what it last saw. */
export async function until<T>(what: string, look: () => Promise<T> | T, isThere: (seen: T) => boolean = Boolean): Promise<T> {
  for (let tries = 0; ; tries++) {
    const seen = await look();
    if (isThere(seen)) return seen;
    if (tries > 600) throw new Error(`did not happen: ${what}; last seen: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A small mail with CRLF, unlike any other. */
export function mail(subject: string, body = randomBytes(600).toString('base64')): Buffer {
  return Buffer.from(
    `From: Reporter <noreply@reporter.example>\r\nTo: rua@example.org\r\nSubject: ${subject}\r\nMessage-ID: <${subject.replace(/\W/g, '.')}@reporter.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n${body}\r\n`,
  );
}

export interface StoredRow {
  message_key: number;
  subject: string | null;
  sender: string | null;
  message_id: string | null;
  state: string;
  code: string | null;
  reason: string | null;
  size: number;
  sha256: Buffer | null;
  disposed: boolean;
  received_at: Date;
  uid: number | null;
}

export async function rowsOf(t: TestDatabase, mailbox: Mailbox): Promise<StoredRow[]> {
  const { rows } = await t.db.query(
    `select message_key, subject, sender, message_id, state, code, reason, size, sha256, disposed_at is not null as disposed, received_at, uid
       from ruawatch.messages where mailbox = $1 order by subject, message_key`,
    [mailbox.name],
  );
  return rows;
}

export async function rawOf(t: TestDatabase, key: number): Promise<{ bytes: Buffer; pieces: number[] }> {
  const { rows } = await t.db.query<Chunk>('select bytes, plain_size from ruawatch.raw where message_key = $1 order by n', [key]);
  const pieces = rows.map((row) => inflateChunk(row, key));
  return { bytes: Buffer.concat(pieces), pieces: pieces.map((piece) => piece.length) };
}

export async function stateOf(
  t: TestDatabase,
  mailbox: Mailbox,
): Promise<{
  backlog: number;
  polled: boolean;
  lease_owner: string | null;
  last_error: string | null;
  uid_validity: number;
  last_uid: number;
}> {
  const { rows } = await t.db.query(
    `select backlog, polled_at is not null as polled, lease_owner, last_error, uid_validity, last_uid from ruawatch.mailboxes where mailbox = $1`,
    [mailbox.name],
  );
  return rows[0];
}

export const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();

/** What a user of the mailbox sees, through a connection of its own. */
export async function look<T>(mailbox: Mailbox, work: (client: ImapFlow) => Promise<T>): Promise<T> {
  const client = new ImapFlow({
    host: mailbox.host,
    port: mailbox.port,
    secure: mailbox.security === 'tls',
    ...(mailbox.security === 'tls' ? {} : { doSTARTTLS: false }),
    tls: { rejectUnauthorized: false },
    auth: { user: mailbox.user, pass: mailbox.password ?? '' },
    logger: false,
  });
  client.on('error', () => client.close());
  await client.connect();
  try {
    return await work(client);
  } finally {
    // The server may have ended the connection, and what `work` met then says more.
    if (client.usable) await client.logout();
  }
}

/** Subjects of the mails in a folder, with their flags; null when there is no such folder. */
export function folderOf(mailbox: Mailbox, folder: string): Promise<{ subject: string; flags: string[] }[] | null> {
  return look(mailbox, async (client) => {
    const folders = await client.list();
    if (!folders.some((f) => f.path === folder)) return null;
    const box = await client.mailboxOpen(folder, { readOnly: true });
    if (box.exists === 0) return [];
    const mails = await client.fetchAll('1:*', { envelope: true, flags: true });
    return mails
      .map((m) => ({ subject: m.envelope?.subject ?? '', flags: [...(m.flags ?? [])] }))
      .sort((a, b) => (a.subject < b.subject ? -1 : 1));
  });
}

export interface TestImap {
  port: number;
  url: string;
  /** The INBOX as the server holds it. */
  inbox(): { raw: string; uid: number; flags: string[] }[];
  append(raw: Buffer): void;
  /** The XOAUTH2 token the server takes from now on. */
  takeToken(token: string): void;
  stop(): Promise<void>;
}

/** Hoodiecrow answers BAD where RFC 3501 section 6.3.1 wants NO. */
const refusals: Plugin = (server) => {
  server.outputHandlers.push((_connection, response, description) => {
    if (/^(SELECT|EXAMINE) FAILED$/.test(description)) response.command = 'NO';
  });
};

/** A server that answers NO to a command, with these words. */
export const refusing =
  (command: string, words: string): Plugin =>
  (server) => {
    server.setCommandHandler(command, (connection, parsed, data, done) => {
      connection.send(
        { tag: parsed.tag, command: 'NO', attributes: [{ type: 'TEXT', value: words }] },
        `${command} FAILED`,
        parsed,
        data,
      );
      done();
    });
  };

/**
 * A hoodiecrow server: one that is slim where Dovecot is rich (no MOVE, no UIDPLUS, no IDLE unless asked
 * for), and that can check XOAUTH2.
 */
export async function startImap(options: {
  plugins?: (string | Plugin)[];
  mails?: Buffer[];
  uidvalidity?: number;
}): Promise<TestImap> {
  const sockets = new Set<Socket>();
  const user = { password: 'secret word', xoauth2: { accessToken: '', sessionTimeout: 3_600_000 } };
  const server = hoodiecrow({
    plugins: [refusals, ...(options.plugins ?? [])],
    users: { demo: user },
    storage: {
      INBOX: {
        uidvalidity: options.uidvalidity ?? 7,
        messages: (options.mails ?? []).map((raw) => ({ raw: raw.toString('latin1') })),
      },
      '': { separator: '/', folders: {} },
    },
  });
  server.server.on('connection', (socket: Socket) => {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    port,
    url: `imap://demo:secret%20word@127.0.0.1:${port}/INBOX?tls=none`,
    inbox: () => (server.getMailbox('INBOX')?.messages ?? []) as unknown as ReturnType<TestImap['inbox']>,
    append: (raw) => server.appendMessage('INBOX', [], '05-Jun-2026 10:00:00 +0000', raw.toString('latin1')),
    takeToken: (token) => {
      user.xoauth2.accessToken = token;
    },
    stop: () =>
      new Promise((resolve) => {
        server.server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
