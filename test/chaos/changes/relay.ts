import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A line to a name server on this machine, over UDP and TCP, that can be disturbed. */
export interface Relay {
  port: number;
  /** Messages over TCP that reached the server: updates. */
  readonly passed: number;
  /** Resets every connection. */
  cut(): void;
  /** Takes no connection and passes no question for a while. */
  refuse(ms: number): void;
  /** The server gets the next n messages, and their answers are lost. */
  loseAnswers(n: number): void;
  stop(): Promise<void>;
}

export async function startRelay(target: number): Promise<Relay> {
  const open = new Set<Socket>();
  let passed = 0;
  let losing = 0;
  let refusedUntil = 0;
  const refusing = () => Date.now() < refusedUntil;
  const tcp = createServer((near) => {
    near.on('error', () => near.destroy());
    if (refusing()) return near.resetAndDestroy();
    const far = connect(target, '127.0.0.1');
    far.on('error', () => near.resetAndDestroy());
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    }
    near.on('data', (bytes) => {
      passed++;
      far.write(bytes);
    });
    far.on('data', (bytes) => {
      if (losing > 0) {
        losing--;
        near.resetAndDestroy();
        far.destroy();
      } else near.write(bytes);
    });
    near.on('close', () => far.destroy());
    far.on('close', () => near.end());
  });
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4');
  const asking = new Set<Datagrams>();
  udp.on('message', (question, from) => {
    if (refusing()) return;
    const far = createSocket('udp4');
    asking.add(far);
    const end = () => {
      if (asking.delete(far)) far.close();
    };
    far.on('error', end);
    far.once('message', (answer) => {
      udp.send(answer, from.port, from.address);
      end();
    });
    far.send(question, target, '127.0.0.1');
    setTimeout(end, 5_000).unref();
  });
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');
  const cut = () => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    port,
    get passed() {
      return passed;
    },
    cut,
    refuse(ms) {
      refusedUntil = Date.now() + ms;
      cut();
    },
    loseAnswers(n) {
      losing = n;
    },
    async stop() {
      cut();
      for (const socket of asking) socket.close();
      asking.clear();
      udp.close();
      tcp.close();
      await once(tcp, 'close');
    },
  };
}
