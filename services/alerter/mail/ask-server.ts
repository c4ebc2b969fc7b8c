import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { connect as connectTls } from 'node:tls';

const SILENCE_MS = 8_000;

/** How a mail server is spoken to. */
export interface Way {
  host: string;
  port: number;
  /** TLS from the first byte. */
  secure: boolean;
  /** No TLS at all; otherwise, and without `secure`, by STARTTLS. */
  ignoreTLS: boolean;
  tls: { rejectUnauthorized: boolean };
}

/**
 * What a server answers to EHLO, once the connection is as it will be for mails, and to MAIL FROM; no mail is
 * sent (RFC 5321 section 4.1.1.5: RSET). After STARTTLS the extensions are asked for anew (RFC 3207 section
 * 4.2).
 * @param from the sender; null leaves MAIL FROM out, which many servers accept after a login only
 * @returns the extensions it offers, in capitals, and the last line of its reply to MAIL FROM
 * @throws when the connection fails, or ends without a reply
 */
export async function askServer(way: Way, from: string | null): Promise<{ offers: string[]; reply: string }> {
  const { host, port } = way;
  const tls = { ...way.tls, ...(isIP(host) === 0 && { servername: host }) };
  let socket: Socket = way.secure ? connectTls({ host, port, ...tls }) : connectPlain(port, host);
  try {
    let session = await sessionOn(socket);
    let hello = await session('EHLO [127.0.0.1]');
    if (!way.secure && !way.ignoreTLS) {
      await session('STARTTLS');
      socket = connectTls({ socket, ...tls });
      session = await sessionOn(socket, false);
      hello = await session('EHLO [127.0.0.1]');
    }
    const reply = from === null ? [] : await session(`MAIL FROM:<${from.replace(/[\r\n<>]/g, '')}>`);
    socket.end('RSET\r\nQUIT\r\n');
    return { offers: hello.slice(1).map((line) => line.slice(4).toUpperCase().split(' ')[0]!), reply: reply.at(-1) ?? '' };
  } finally {
    socket.destroy();
  }
}

type Session = (line: string) => Promise<string[]>;

/** @returns what sends a command and resolves with the lines of its reply */
async function sessionOn(socket: Socket, greets = true): Promise<Session> {
  socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error('the mail server does not answer')));
  const replies = repliesOf(socket);
  const next = async () => {
    const { value } = await replies.next();
    if (value === undefined) throw new Error('the mail server closed the connection');
    return value;
  };
  if (greets) await next();
  return (line) => {
    socket.write(`${line}\r\n`);
    return next();
  };
}

/** The lines of each reply. */
async function* repliesOf(socket: Socket): AsyncGenerator<string[], undefined> {
  let lines: string[] = [];
  for await (const line of createInterface({ input: socket })) {
    lines.push(line);
    if (/^\d{3}-/.test(line)) continue;
    yield lines;
    lines = [];
  }
}
