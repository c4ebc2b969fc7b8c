import { createServer, type Server } from 'node:net';

export interface Receiver {
  port: number;
  server: Server;
  /** The mails that it took. */
  mails: string[];
}

/** A server that takes all mail, but refuses that for some as receivers with a DMARC policy do. */
export function startReceiver(): Promise<Receiver> {
  const mails: string[] = [];
  const server = createServer((socket) => {
    socket.setEncoding('latin1');
    let data = false;
    let mail = '';
    let to = '';
    socket.on('error', () => socket.destroy());
    socket.write('220 mx.gmx.test ESMTP\r\n');
    let held = '';
    socket.on('data', (text) => {
      held += text;
      for (let end = held.indexOf('\r\n'); end !== -1; end = held.indexOf('\r\n')) {
        const line = held.slice(0, end);
        held = held.slice(end + 2);
        if (data) {
          if (line !== '.') {
            mail += `${line.replace(/^\./, '')}\r\n`;
            continue;
          }
          data = false;
          if (!to.includes('refuse')) mails.push(mail);
          mail = '';
          socket.write(
            to.includes('refuse')
              ? "550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy.\r\n"
              : '250 2.0.0 Ok: queued as 12345\r\n',
          );
        } else if (/^EHLO/i.test(line)) socket.write('250 mx.gmx.test\r\n');
        else if (/^RCPT/i.test(line)) {
          to = line;
          socket.write(to.includes('later') ? '450 4.7.1 come again\r\n' : '250 ok\r\n');
        } else if (/^DATA/i.test(line)) {
          data = true;
          socket.write('354 go\r\n');
        } else if (/^QUIT/i.test(line)) socket.end('221 bye\r\n');
        else socket.write('250 ok\r\n');
      }
    });
  });
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve({ port: (server.address() as { port: number }).port, server, mails })),
  );
}
