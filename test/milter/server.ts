import { connect, type Socket } from 'node:net';
import { Frames, type Packet } from '../../services/milter/wire/frames.ts';
import { until } from '../helpers/services.ts';
import { macros, packet, strings } from './wire/packets.ts';

const servers: Server[] = [];

/** Ends the connections of all servers of this file. */
export function hangUp(): void {
  for (const { socket } of servers.splice(0)) socket.destroy();
}

/** A mail server that says what it is told, and keeps what it hears. */
export class Server {
  readonly socket: Socket;
  private readonly frames = new Frames();
  readonly heard: Packet[] = [];
  closed = false;

  constructor(to: { port: number } | { path: string }) {
    servers.push(this);
    this.socket = 'port' in to ? connect(to.port, '127.0.0.1') : connect(to.path);
    this.socket.on('data', (data: Buffer) => void this.heard.push(...this.frames.push(data)));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  send(...packets: Buffer[]): void {
    this.socket.write(Buffer.concat(packets));
  }

  /** The letters of the replies so far, when there are as many. */
  async replies(count: number): Promise<string> {
    await until(() => this.heard.length >= count);
    return this.heard.map(({ command }) => command).join('');
  }

  gone(): Promise<true> {
    return until(() => this.closed);
  }
}

/** The packets of one mail. */
export function handedIn({
  from,
  sender = 'x@mail.example',
  body = 'Hello.\r\n',
  header = {},
}: {
  from: string;
  sender?: string;
  body?: string;
  header?: Record<string, string>;
}): Buffer[] {
  return [
    packet('M', strings(`<${sender}>`)),
    macros('R', { i: '4AF2' }),
    packet('R', strings('<grace@example.com>')),
    ...Object.entries({ From: from, ...header }).map(([name, value]) => packet('L', strings(name, ` ${value}`))),
    packet('N'),
    packet('B', body),
    packet('E'),
  ];
}
