import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const SILENCE_MS = 8_000;

/**
 * What a server answers to EHLO and MAIL FROM on a connection without TLS; no mail is sent (RFC 5321 section 4.1.1.5: RSET).
 * @returns the extensions it offers, in capitals, and the last line of its reply to MAIL FROM
 * @throws when the connection fails
 */
export async function askPlain(host: string, port: number, from: string): Promise<{ offers: string[]; reply: string }> {
  const socket = connect(port, host);
  socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error('the mail server does not answer')));
  try {
    await once(socket, 'connect');
    const replies = repliesOf(socket);
    const say = async (line: string): Promise<string[]> => {
      socket.write(`${line}\r\n`);
      const { value } = await replies.next();
      return value ?? [];
    };
    await replies.next();
    const hello = await say('EHLO [127.0.0.1]');
    const reply = await say(`MAIL FROM:<${from.replace(/[\r\n<>]/g, '')}>`);
    socket.end('RSET\r\nQUIT\r\n');
    return { offers: hello.slice(1).map((line) => line.slice(4).toUpperCase().split(' ')[0]!), reply: reply.at(-1) ?? '' };
  } finally {
    socket.destroy();
  }
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
