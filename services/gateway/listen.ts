import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { messageOf, SettingsError } from '../shared/errors.ts';
import { groupBy } from '../shared/group-by.ts';
import type { Log } from '../shared/runtime/log.ts';
import { clientNetwork } from './client-network.ts';
import { type From, MOST_MESSAGE } from './gateway.ts';

/**
 * Connections in all, and of one network. One more closes the one that has been silent the longest, so that
 * silence shuts nobody out.
 */
const MOST_CONNECTIONS = 100;
const MOST_OF_ONE = 20;
/** Milliseconds in which a message must be there, and a connection may be silent. */
const SILENCE_MS = 15_000;
/** Messages of one connection. */
const MOST_MESSAGES = 100;
/** Messages that are being answered; more are dropped over UDP, and wait over TCP. */
const MOST_AT_ONCE = 32;

export type Answering = (bytes: Buffer, from: From) => Promise<Buffer | null>;

export interface Listening {
  port: number;
  /** Takes no new message; resolves when those that are being answered are. Idempotent. */
  close(): Promise<void>;
}

/**
 * Listens over UDP and TCP at one address (RFC 1035 section 4.2, RFC 7766).
 * @throws SettingsError when the address cannot be listened on
 */
export async function listen(
  { host, port: wanted }: { host: string; port: number },
  answer: Answering,
  log: Log,
): Promise<Listening> {
  const working = new Set<Promise<unknown>>();
  const answering: Answering = (bytes, from) => {
    const work = answer(bytes, from);
    working.add(work);
    void work.finally(() => working.delete(work));
    return work;
  };
  try {
    const { tcp, port, close: closeTcp } = await listenTcp(host, wanted, answering);
    let udp: { socket: UdpSocket; close(): Promise<void> };
    try {
      udp = await listenUdp(host, port, (bytes, from) =>
        working.size >= MOST_AT_ONCE ? Promise.resolve(null) : answering(bytes, from),
      );
    } catch (error) {
      tcp.close();
      throw error;
    }
    udp.socket.on('error', (error) => log.warn({ err: messageOf(error) }, 'the UDP socket of the gateway failed'));
    let closing: Promise<void> | null = null;
    const end = async () => {
      const closed = Promise.all([udp.close(), closeTcp()]);
      await Promise.allSettled(working);
      await closed;
    };
    return {
      port,
      close() {
        closing ??= end();
        return closing;
      },
    };
  } catch (error) {
    throw new SettingsError(
      `The gateway cannot listen on ${host}:${wanted}: ${messageOf(error)}. Correct gateway.listen.`,
      error,
    );
  }
}

async function listenUdp(host: string, port: number, answer: Answering): Promise<{ socket: UdpSocket; close(): Promise<void> }> {
  let open = true;
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.on('message', (bytes, { address, port: from }) => {
    // Nobody can receive at port 0.
    if (from === 0 || bytes.length > MOST_MESSAGE) return;
    void answer(bytes, { client: `${address}:${from}`, udp: true }).then((said) => {
      // Closed meanwhile, or an address without a route: the client asks again.
      if (said !== null && open) socket.send(said, from, address, () => undefined);
    });
  });
  socket.bind(port, host);
  await once(socket, 'listening');
  return {
    socket,
    close: () => {
      open = false;
      return new Promise((resolve) => socket.close(() => resolve()));
    },
  };
}

async function listenTcp(
  host: string,
  wanted: number,
  answer: Answering,
): Promise<{ tcp: Server; port: number; close(): Promise<void> }> {
  const open = new Set<Connection>();
  const tcp = createServer({ noDelay: true }, (socket) => {
    const connection: Connection = { socket, network: clientNetwork(socket.remoteAddress ?? ''), busy: false };
    const beside = [...open].filter(({ network }) => network === connection.network);
    if (beside.length >= MOST_OF_ONE || open.size >= MOST_CONNECTIONS) {
      const leaves = beside.length >= MOST_OF_ONE ? longestSilent(beside) : longestSilent(mostOfOne([...open]));
      if (leaves === undefined) {
        socket.destroy();
        return;
      }
      open.delete(leaves);
      leaves.socket.destroy();
    }
    open.add(connection);
    socket.once('close', () => open.delete(connection));
    void serve(connection, answer);
  });
  tcp.listen(wanted, host);
  await once(tcp, 'listening');
  return {
    tcp,
    port: (tcp.address() as { port: number }).port,
    async close() {
      const closed = new Promise<void>((resolve) => tcp.close(() => resolve()));
      for (const { socket } of open) socket.emit('drained');
      await closed;
    },
  };
}

interface Connection {
  socket: Socket;
  network: string;
  /** A message of it is being answered. */
  busy: boolean;
}

/** Connections are in the order in which they came: the first that nobody is being answered on. */
const longestSilent = (among: readonly Connection[]): Connection | undefined => among.find(({ busy }) => !busy);

/** Those of the network that has the most: who opens many closes his own. */
function mostOfOne(all: readonly Connection[]): Connection[] {
  const silent = all.filter(({ busy }) => !busy);
  return [...groupBy(silent, ({ network }) => network).values()].reduce(
    (most, these) => (these.length > most.length ? these : most),
    [],
  );
}

/** The messages of one connection, one after the other. */
async function serve(connection: Connection, answer: Answering): Promise<void> {
  const { socket } = connection;
  let closing = false;
  const end = () => {
    socket.destroy();
  };
  socket.on('error', end);
  // The service stops: what is being answered is finished.
  socket.on('drained', () => {
    closing = true;
    if (!connection.busy) end();
  });
  let timer = setTimeout(end, SILENCE_MS);
  socket.once('close', () => clearTimeout(timer));
  const client = `${socket.remoteAddress}:${socket.remotePort}`;
  let held = Buffer.alloc(0);
  let messages = 0;
  const answerAll = async () => {
    for await (const piece of socket as AsyncIterable<Buffer>) {
      held = Buffer.concat([held, piece]);
      while (held.length >= 2 && held.length >= held.readUInt16BE(0) + 2) {
        const size = held.readUInt16BE(0);
        if (size > MOST_MESSAGE || ++messages > MOST_MESSAGES) return;
        const message = held.subarray(2, size + 2);
        held = held.subarray(size + 2);
        clearTimeout(timer);
        connection.busy = true;
        const said = await answer(message, { client, udp: false });
        connection.busy = false;
        if (said !== null && !socket.destroyed) {
          const length = Buffer.alloc(2);
          length.writeUInt16BE(said.length);
          socket.write(Buffer.concat([length, said]));
        }
        if (closing) return;
        timer = setTimeout(end, SILENCE_MS);
      }
      if (held.length >= 2 && held.readUInt16BE(0) > MOST_MESSAGE) return;
    }
  };
  // One that breaks off ends like any other: nobody waits for an answer.
  await answerAll().then(end, end);
}
