import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { SMTPServer } from 'smtp-server';

export interface MailSink {
  /** `smtp://127.0.0.1:port`, without TLS or login, loopback only. */
  url: string;
  /**
   * The paths of the mails taken in so far, in order of arrival. A path appears when its file is complete.
   */
  files: string[];
  stop(): Promise<void>;
}

/**
 * The words of a subject as part of a file name: ASCII letters and digits joined by `-`, at most 60
 * characters.
 */
function slug(subject: string): string {
  const words = subject
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return words.slice(0, 60).replace(/-+$/, '') || 'mail';
}

/**
 * The subject of a mail's header block: unfolded, RFC 2047 words in base64 or quoted form decoded as UTF-8.
 */
function subjectOf(head: string): string {
  const raw = /^subject:((?:.*(?:\r?\n[ \t])?)*)/im.exec(head)?.[1] ?? '';
  const joined = raw.replace(/\r?\n[ \t]+/g, ' ').replace(/\?=\s+=\?/g, '?==?');
  return joined.replace(/=\?[^?]+\?([bq])\?([^?]*)\?=/gi, (_, kind: string, text: string) =>
    kind.toLowerCase() === 'b'
      ? Buffer.from(text, 'base64').toString()
      : Buffer.from(
          text
            .replace(/_/g, ' ')
            .replace(/=([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
          'latin1',
        ).toString(),
  );
}

/**
 * An SMTP server on a loopback port the system picks that writes each mail it is given to `NNN-<subject>.eml`
 * in the folder.
 *
 * @param folder made when missing; numbers start at 001
 * @throws the file system's or the listening error
 */
export async function startMailSink(folder: string): Promise<MailSink> {
  await mkdir(folder, { recursive: true });
  const files: string[] = [];
  let taken = 0;
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    onData(stream, _session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', callback);
      stream.on('end', () => {
        const mail = Buffer.concat(chunks);
        const headEnd = mail.indexOf('\r\n\r\n');
        const subject = subjectOf(mail.toString('latin1', 0, headEnd < 0 ? mail.length : headEnd));
        const file = path.join(folder, `${String(++taken).padStart(3, '0')}-${slug(subject)}.eml`);
        const out = createWriteStream(file);
        out.on('error', callback);
        out.on('finish', () => {
          files.push(file);
          callback();
        });
        out.end(mail);
      });
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  // A client that drops its connection is the client's affair; without a listener the error would end the
  // process.
  server.on('error', () => undefined);
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    files,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
