import { Readable } from 'node:stream';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { messageOf } from '../../shared/errors.ts';
import { escaped } from '../../shared/escape.ts';
import { smtpSettings } from '../../shared/settings/smtp-url.ts';

/** What became of a mail that was handed to a server. */
export type Handed =
  /** The server has it. `id` is the name that Postfix gives it; null where the answer has none. */
  | { is: 'taken'; answer: string; id: string | null; refused: string[] }
  /** The server has not taken it. `forever`: the same mail would be refused again. */
  | { is: 'not_taken'; answer: string; forever: boolean }
  /**
   * The connection ended after the last octet and before the answer (RFC 5321 section 4.5.3.2.6, RFC 1047):
   * nobody knows.
   */
  | { is: 'unknown'; answer: string };

interface SmtpError extends Error {
  responseCode?: number;
  response?: string;
}

const CONNECT_MS = 15_000;
const SILENCE_MS = 60_000;
const PIECE = 64 * 1024;
/** What would end an address, or its line, before its end. */
const CONTROLS = /[\p{Cc}<>]/u;

/**
 * Hands a mail to a server, over a connection of its own.
 * @param beforeDot is called once all octets but the end of the mail are given to the connection, and may
 *   forbid to end it: whatever happens before it, the server has not taken the mail
 * @throws what `beforeDot` throws
 */
export async function handOver(
  {
    url,
    setting,
    from,
    recipients,
    raw,
  }: { url: string; setting: string; from: string; recipients: readonly string[]; raw: Buffer },
  beforeDot: () => Promise<boolean>,
): Promise<Handed> {
  const odd = [from, ...recipients].find((one) => CONTROLS.test(one));
  if (odd !== undefined)
    return { is: 'not_taken', answer: `${escaped(odd).slice(0, 200)} is no address of an envelope.`, forever: true };
  let ended = false;
  let broken: unknown = null;
  async function* pieces() {
    for (let at = 0; at < raw.length; at += PIECE) yield raw.subarray(at, at + PIECE);
    try {
      if (!(await beforeDot())) throw new Error('it is not to be sent any more');
    } catch (error) {
      broken = error;
      throw error;
    }
    ended = true;
  }
  try {
    const info = await send(smtpSettings(url, setting), { from, to: [...recipients] }, Readable.from(pieces()));
    const answer = escaped(info.response).slice(0, 500);
    const id = /\bqueued as ([A-Za-z0-9]{1,64})\b/.exec(info.response)?.[1] ?? null;
    return { is: 'taken', answer, id, refused: info.rejected.map(String) };
  } catch (thrown) {
    if (broken !== null) throw broken;
    const error = thrown as SmtpError;
    const answer = escaped(error.response ?? messageOf(error)).slice(0, 500);
    if (error.responseCode !== undefined)
      return { is: 'not_taken', answer, forever: error.responseCode >= 500 && error.responseCode !== 503 };
    return ended ? { is: 'unknown', answer } : { is: 'not_taken', answer, forever: false };
  }
}

/** The octets are read once the server has said that it takes a mail (354), and not before. */
async function send(
  { auth, ...settings }: ReturnType<typeof smtpSettings>,
  envelope: { from: string; to: string[] },
  octets: Readable,
) {
  const connection = new SMTPConnection({
    ...settings,
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    dnsTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
  });
  const step = (begin: (done: (error?: Error | null) => void) => void) =>
    new Promise<void>((resolve, reject) => {
      connection.on('error', reject);
      begin((error) => (error ? reject(error) : resolve()));
    });
  try {
    await step((done) => connection.connect(done));
    if (auth !== undefined && connection.allowsAuth) await step((done) => connection.login({ credentials: auth }, done));
    return await new Promise<SMTPConnection.SentMessageInfo>((resolve, reject) => {
      connection.on('error', reject);
      connection.send(envelope, octets, (error, info) => (error ? reject(error) : resolve(info)));
    });
  } finally {
    connection.close();
  }
}
