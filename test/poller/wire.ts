import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface Wire {
  port: number;
  /** What clients sent, without their tags. */
  lines: string[];
  /** The tag of the last command. */
  tag: string;
  /** The connections that stand. */
  sockets: Set<Socket>;
  /** How many there were. */
  connections: number;
  /** Sends a line to all. */
  say(line: string): void;
  stop(): Promise<void>;
}

/**
 * What the server says to a command: lines, of which `OK`, `NO` and `BAD` get the tag. Null: nothing, it
 * hangs.
 */
export type Answer = (line: string, wire: Wire) => string[] | null | undefined;

const CAPABILITIES = 'IMAP4rev1 IDLE MOVE UIDPLUS';

/**
 * An IMAP server with an empty folder, whose every answer a test can say for itself: a server is the far side
 * of the internet.
 * @param greeting null: it takes the connection and is silent
 */
export async function startWire(
  answer: Answer = () => undefined,
  { greeting = 'OK', capabilities = CAPABILITIES }: { greeting?: string | null; capabilities?: string } = {},
): Promise<Wire> {
  const usual = (line: string): string[] => {
    const [command] = line.split(' ');
    switch (command!.toUpperCase()) {
      case 'CAPABILITY':
        return [`* CAPABILITY ${capabilities}`, 'OK'];
      case 'LOGOUT':
        return ['* BYE', 'OK'];
      case 'LIST':
      case 'LSUB':
        return ['* LIST () "/" INBOX', 'OK'];
      case 'NAMESPACE':
        return ['* NAMESPACE (("" "/")) NIL NIL', 'OK'];
      case 'SELECT':
        return ['* FLAGS ()', '* 0 EXISTS', '* OK [UIDVALIDITY 7] .', '* OK [UIDNEXT 1] .', 'OK [READ-WRITE]'];
      case 'EXAMINE':
        return ['* FLAGS ()', '* 0 EXISTS', '* OK [UIDVALIDITY 7] .', '* OK [UIDNEXT 1] .', 'OK [READ-ONLY]'];
      case 'IDLE':
        return ['+ idling'];
      default:
        return ['OK'];
    }
  };
  const server = createServer((socket) => {
    wire.sockets.add(socket);
    wire.connections++;
    socket.on('close', () => wire.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let idling = '';
    let rest = '';
    if (greeting !== null) socket.write(`* ${greeting} [CAPABILITY ${capabilities}] hello\r\n`);
    socket.on('data', (data) => {
      const parts = (rest + data.toString('latin1')).split('\r\n');
      rest = parts.pop()!;
      for (const part of parts) {
        if (part === 'DONE') {
          wire.lines.push(part);
          socket.write(`${idling} OK\r\n`);
          continue;
        }
        const [, tag, line] = /^(\S+) (.*)$/.exec(part)!;
        wire.lines.push(line!);
        wire.tag = tag!;
        if (/^IDLE/i.test(line!)) idling = tag!;
        const said = answer(line!, wire);
        if (said === null || socket.destroyed) continue;
        for (const one of said ?? usual(line!)) socket.write(/^(OK|NO|BAD)/.test(one) ? `${tag} ${one}\r\n` : `${one}\r\n`);
      }
    });
  });
  const wire: Wire = {
    port: 0,
    lines: [],
    tag: '',
    sockets: new Set(),
    connections: 0,
    say(line) {
      for (const socket of wire.sockets) socket.write(`${line}\r\n`);
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of wire.sockets) socket.destroy();
      }),
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  wire.port = (server.address() as AddressInfo).port;
  return wire;
}
