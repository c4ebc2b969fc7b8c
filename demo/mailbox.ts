import { randomBytes, randomInt } from 'node:crypto';
import type { AddressInfo, Socket } from 'node:net';
import hoodiecrow, { type Plugin } from 'hoodiecrow-imap';
import { MONTHS } from './mime.ts';

export interface DemoMailbox {
  /** `imap://user:password@127.0.0.1:port`, without TLS, loopback only. */
  url: string;
  /** Delivers one more mail to the INBOX; clients in IDLE hear of it at once. */
  append(raw: Buffer, received?: Date): void;
  /** Closes the server and every connection. */
  stop(): Promise<void>;
}

/**
 * RFC 3501 `date-time`, in UTC: the library's own form uses the local zone and gets half-hour zones wrong.
 */
function internalDate(date: Date): string {
  const day = String(date.getUTCDate()).padStart(2, '0');
  return `${day}-${MONTHS[date.getUTCMonth()]}-${date.getUTCFullYear()} ${date.toISOString().slice(11, 19)} +0000`;
}

/**
 * RFC 2177, in place of the library's plugin: that one leaves a timer of half an hour behind a closed
 * connection, and goes on notifying after DONE.
 */
const idle: Plugin = (server) => {
  server.registerCapability('IDLE');
  server.setCommandHandler('IDLE', (connection, parsed, data, done) => {
    const answer = (command: 'OK' | 'BAD', value: string): void =>
      connection.send({ tag: parsed.tag, command, attributes: [{ type: 'TEXT', value }] }, 'IDLE', parsed, data);
    if (connection.state === 'Not Authenticated' || parsed.attributes) {
      answer('BAD', 'IDLE takes no arguments and needs a login');
      return done();
    }
    connection.directNotifications = true;
    connection.inputHandler = (line) => {
      connection.inputHandler = false;
      connection.directNotifications = false;
      if (line.toUpperCase() === 'DONE') answer('OK', 'IDLE terminated');
      else answer('BAD', 'Expected DONE');
      done();
    };
    connection.socket?.write('+ idling\r\n');
    connection.processNotifications();
  });
};

/**
 * The library answers BAD (a client's mistake) where RFC 3501 section 6.3 wants NO, and never says TRYCREATE.
 */
const refusals: Plugin = (server) => {
  server.outputHandlers.push((_connection, response, description) => {
    if (/^(SELECT|EXAMINE) FAILED$/.test(description)) response.command = 'NO';
    if (/^(UID )?(MOVE|COPY) FAIL(ED)?$/.test(description) && response.command === 'NO') {
      response.attributes = [
        { type: 'SECTION', section: [{ type: 'ATOM', value: 'TRYCREATE' }] },
        ...(response.attributes ?? []),
      ];
    }
  });
};

/**
 * A real IMAP server (hoodiecrow-imap) on a loopback port the system picks, holding the mails in its INBOX,
 * in memory.
 *
 * What it does about the library: IDLE is its own (see above); dates are written in UTC; SELECT of a missing
 * folder and MOVE to one are refused as the RFC says; UIDVALIDITY is new at each start, as the uids are (the
 * library always says 1); `stop` ends open connections, for which the library would wait; TCP_NODELAY is set.
 * The user's name is `demo`; the password is new each time.
 *
 * @throws the listening error when no port can be had
 */
export async function startDemoMailbox(mails: readonly { raw: Buffer; received: Date }[]): Promise<DemoMailbox> {
  const user = 'demo';
  const password = randomBytes(9).toString('hex');
  const sockets = new Set<Socket>();
  const server = hoodiecrow({
    plugins: ['ID', 'ENABLE', 'NAMESPACE', 'SPECIAL-USE', 'UNSELECT', 'LITERALPLUS', 'UIDPLUS', 'MOVE', idle, refusals],
    users: { [user]: { password } },
    id: { name: 'ruawatch demo mailbox' },
    storage: {
      INBOX: {
        uidvalidity: randomInt(1, 0x7fffffff),
        messages: mails.map(({ raw, received }) => ({ raw: raw.toString('latin1'), internaldate: internalDate(received) })),
      },
      '': { separator: '/', folders: {} },
    },
  });
  server.server.on('connection', (socket: Socket) => {
    // The library writes a response in several small pieces; waiting for acknowledgements between them costs
    // 40 ms a command.
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      server.server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `imap://${user}:${password}@127.0.0.1:${port}`,
    append: (raw, received = new Date()) => server.appendMessage('INBOX', [], internalDate(received), raw.toString('latin1')),
    stop: () =>
      new Promise((resolve, reject) => {
        server.server.close((error) => (error ? reject(error) : resolve()));
        for (const socket of sockets) socket.destroy();
      }),
  };
}
