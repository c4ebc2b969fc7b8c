import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Authority, type UpdateKey } from './answer.ts';
import { Zone } from './zone.ts';

export interface DemoNameServer {
  /** Loopback, UDP and TCP of one port. */
  server: { address: string; port: number };
  /** Somebody registers a name: its records as lines of a zone file. @throws ZoneFileError */
  add(name: string, records: readonly string[]): void;
  stop(): Promise<void>;
}

export interface NameServerOptions {
  /** By name ("." for the root), their records as lines of a zone file. */
  zones: Readonly<Record<string, readonly string[]>>;
  /** Without any, updates are refused. */
  keys?: readonly UpdateKey[];
  /** Milliseconds since 1970: the clock that signatures go by. */
  now?: () => number;
}

/** How long a connection may be idle, and how many there are at once. */
const IDLE_MS = 10_000;
const MOST_CONNECTIONS = 200;
/** The system picks the UDP port; the same TCP port may be taken. */
const MOST_TRIES = 20;

/**
 * A small authoritative name server for the demo, on a loopback port the system picks. It holds its zones in
 * memory, and takes updates (RFC 2136) signed with TSIG.
 * @throws ZoneFileError, or the listening error
 */
export async function startNameServer({ zones, keys = [], now = Date.now }: NameServerOptions): Promise<DemoNameServer> {
  const authority = new Authority(
    Object.entries(zones).map(([name, lines]) => new Zone(name, lines)),
    keys,
    now,
  );
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => serve(socket, authority, sockets));
  tcp.maxConnections = MOST_CONNECTIONS;
  const udp = await listen(tcp);
  udp.on('message', (bytes, from) => {
    const answer = authority.answer(bytes, 'udp');
    if (answer !== null) udp.send(answer, from.port, from.address);
  });
  // Who asked may be gone by the time of the answer.
  udp.on('error', () => undefined);
  tcp.on('error', () => undefined);
  return {
    server: { address: '127.0.0.1', port: udp.address().port },
    add: (name, records) => authority.add(new Zone(name, records)),
    async stop() {
      const closed = new Promise<void>((resolve) => tcp.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await Promise.all([closed, new Promise<void>((resolve) => udp.close(() => resolve()))]);
    },
  };
}

/** Listens on one port of both protocols. */
async function listen(tcp: Server): Promise<UdpSocket> {
  for (let tries = 1; ; tries++) {
    const udp = createSocket('udp4');
    try {
      await new Promise<void>((resolve, reject) => {
        udp.once('error', reject);
        udp.bind(0, '127.0.0.1', resolve);
      });
      const { port } = udp.address() as AddressInfo;
      await new Promise<void>((resolve, reject) => {
        tcp.once('error', reject);
        tcp.listen(port, '127.0.0.1', resolve);
      });
      udp.removeAllListeners('error');
      tcp.removeAllListeners('error');
      return udp;
    } catch (error) {
      udp.close();
      if (tries >= MOST_TRIES) throw error;
    }
  }
}

/** Messages on TCP come one after the other, each after its length (RFC 7766). */
function serve(socket: Socket, authority: Authority, sockets: Set<Socket>): void {
  sockets.add(socket);
  socket.setNoDelay(true);
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('close', () => sockets.delete(socket));
  socket.on('error', () => socket.destroy());
  let received: Buffer = Buffer.alloc(0);
  socket.on('data', (piece) => {
    received = Buffer.concat([received, piece]);
    while (received.length >= 2 && received.length >= received.readUInt16BE(0) + 2) {
      const length = received.readUInt16BE(0);
      const answer = authority.answer(received.subarray(2, length + 2), 'tcp');
      received = received.subarray(length + 2);
      if (answer === null) return void socket.destroy();
      const head = Buffer.alloc(2);
      head.writeUInt16BE(answer.length);
      socket.write(Buffer.concat([head, answer]));
    }
  });
}
