import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Line {
  port: number;
  /** Ends every connection at once, with a reset. */
  cut(): void;
  /** Carries nothing for a while, and goes on as if nothing had been. */
  stall(ms: number): void;
  /** Cuts, and takes no connection for a while. */
  refuse(ms: number): void;
  /**
   * Goes on acknowledging what both sides send, and passes nothing on. Connections of that time stay silent
   * even afterwards.
   */
  swallow(): void;
  /** Bytes that were acknowledged and not passed on, so far. */
  readonly swallowed: number;
  /** Back to normal at once. */
  heal(): void;
  stop(): Promise<void>;
}

/** A line to a server on this machine that can be disturbed. */
export async function startProxy(targetPort: number): Promise<Line> {
  const pairs = new Set<[Socket, Socket]>();
  let refusing = false;
  let stalled = false;
  let swallowing = false;
  let swallowed = 0;
  let timer: NodeJS.Timeout | undefined;
  const each = (act: (socket: Socket) => void) => {
    for (const pair of pairs) for (const socket of pair) act(socket);
  };
  const swallow = (pair: [Socket, Socket]) => {
    for (const socket of pair) {
      socket.unpipe();
      socket.on('data', (bytes) => {
        swallowed += bytes.length;
      });
    }
  };
  const server = createServer((near) => {
    // A reset of either side ends both; there is nothing else to say about it.
    near.on('error', () => near.destroy());
    if (refusing) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(targetPort, '127.0.0.1');
    far.on('error', () => far.destroy());
    near.setNoDelay(true);
    far.setNoDelay(true);
    const pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    if (swallowing) swallow(pair);
    else {
      near.pipe(far);
      far.pipe(near);
    }
    if (stalled) for (const socket of pair) socket.pause();
    const over = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    near.on('close', over);
    far.on('close', over);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => each((socket) => socket.resetAndDestroy());
  const heal = () => {
    clearTimeout(timer);
    refusing = false;
    swallowing = false;
    if (stalled) each((socket) => socket.resume());
    stalled = false;
  };
  const later = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(heal, ms);
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    stall(ms) {
      stalled = true;
      each((socket) => socket.pause());
      later(ms);
    },
    refuse(ms) {
      refusing = true;
      cut();
      later(ms);
    },
    swallow() {
      swallowing = true;
      for (const pair of pairs) swallow(pair);
    },
    get swallowed() {
      return swallowed;
    },
    heal,
    async stop() {
      clearTimeout(timer);
      const closed = once(server, 'close');
      server.close();
      each((socket) => socket.destroy());
      await closed;
    },
  };
}
