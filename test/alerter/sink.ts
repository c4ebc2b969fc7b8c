import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

export interface Received {
  from: string;
  to: string[];
  raw: string;
  /** Unfolded, by lower-case name. */
  headers: Map<string, string>;
}

/** What the server answers; a test changes it while the server runs. */
export interface Behaviour {
  sender?: (address: string) => Error | null;
  recipient?: (address: string) => Error | null;
  /** After the last byte, before the 250. */
  accept?: (mail: Received) => Promise<Error | null> | Error | null;
  /** Cuts the connection at the first byte of the mail. */
  cut?: boolean;
  /** Announces extensions of its own. */
  pipelining?: boolean;
}

export interface Sink {
  /** `127.0.0.1:port` */
  at: string;
  mails: Received[];
  /** Connections made so far. */
  connections: number;
  /** Those that are open. */
  readonly open: number;
  behaviour: Behaviour;
  stop(): Promise<void>;
  /** Listens again on the same port. */
  again(): Promise<void>;
}

export function reply(code: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode: code });
}

/** A real SMTP server on a loopback port the system picks. */
export async function startSink(options: SMTPServerOptions = {}): Promise<Sink> {
  let server: SMTPServer;
  let port = 0;
  const sockets = new Set<Socket>();
  const open = async () => {
    server = new SMTPServer({
      disableReverseLookup: true,
      authOptional: true,
      logger: false,
      ...options,
      onMailFrom: (address, _session, callback) => callback(sink.behaviour.sender?.(address.address) ?? null),
      onRcptTo: (address, _session, callback) => callback(sink.behaviour.recipient?.(address.address) ?? null),
      onData(stream, session, callback) {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        if (sink.behaviour.cut) for (const socket of sockets) socket.destroy();
        stream.on('end', async () => {
          const mail = parse(Buffer.concat(chunks).toString('utf8'), session.envelope);
          const refusal = (await sink.behaviour.accept?.(mail)) ?? null;
          if (refusal === null) sink.mails.push(mail);
          callback(refusal);
        });
      },
    });
    server.on('error', () => undefined);
    server.server.on('connection', (socket: Socket) => {
      sink.connections++;
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    server.listen(port, '127.0.0.1');
    await once(server.server, 'listening');
    port = (server.server.address() as AddressInfo).port;
  };
  const sink: Sink = {
    at: '',
    mails: [],
    connections: 0,
    get open() {
      return sockets.size;
    },
    behaviour: {},
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    again: open,
  };
  await open();
  sink.at = `127.0.0.1:${port}`;
  return sink;
}

function parse(raw: string, envelope: { mailFrom: false | { address: string }; rcptTo: { address: string }[] }): Received {
  const head = raw.slice(0, raw.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ');
  return {
    from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
    to: envelope.rcptTo.map((to) => to.address),
    raw,
    headers: new Map(
      head
        .split('\r\n')
        .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    ),
  };
}
