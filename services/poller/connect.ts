import { ImapFlow, type ImapFlowOptions } from 'imapflow';
import type { Mailbox } from '../shared/settings/mailbox.ts';
import { explain } from './explain.ts';
import type { Tokens } from './oauth.ts';

/** The server's latest refusal, in its own words: imapflow passes it to its logger only. */
export interface Refusals {
  take(): string;
}

export interface Connection {
  client: ImapFlow;
  refusals: Refusals;
  close(): Promise<void>;
}

/**
 * The largest literal that is accepted; larger mails are fetched in parts. A server that announces more is
 * broken or hostile.
 */
const MAX_LITERAL = 64 * 1024 * 1024;
const LOGOUT_MS = 3_000;

/** Notes what imapflow reports of a refusal or an error. */
type Note = (entry: { err?: { responseText?: string; message?: string } }) => void;

/**
 * Connects and logs in. Nothing is sent in the clear unless `security` is `none`.
 * @throws RuawatchError with one sentence, see explain.ts
 */
export async function connect(mailbox: Mailbox, tokens: Tokens | null, signal: AbortSignal): Promise<Connection> {
  const accessToken = tokens === null ? null : await tokens.get(signal);
  let refused = '';
  const note: Note = (entry) => {
    if (entry.err) refused = (entry.err.responseText ?? entry.err.message ?? '').replace(/\s+/g, ' ').slice(0, 200);
  };
  const client = new ImapFlow(optionsOf(mailbox, accessToken, note));
  // Errors surface in the command under way, or as an unusable connection; without a listener Node would
  // exit.
  client.on('error', (error: Error) => note({ err: error }));
  const abort = () => client.close();
  signal.addEventListener('abort', abort);
  try {
    signal.throwIfAborted();
    await client.connect();
  } catch (error) {
    // imapflow closes a connection whose setup failed.
    const explained = explain(error, mailbox);
    if (explained.code === 'imap_login') tokens?.forget();
    throw explained;
  } finally {
    signal.removeEventListener('abort', abort);
  }
  return {
    client,
    refusals: {
      take() {
        const text = refused;
        refused = '';
        return text;
      },
    },
    close: () => logOut(client),
  };
}

function optionsOf(mailbox: Mailbox, accessToken: string | null, note: Note): ImapFlowOptions {
  const quiet = () => undefined;
  return {
    host: mailbox.host,
    port: mailbox.port,
    secure: mailbox.security === 'tls',
    doSTARTTLS: mailbox.security === 'starttls',
    tls: { rejectUnauthorized: mailbox.verify, minVersion: 'TLSv1.2' },
    auth: { user: mailbox.user, ...(accessToken === null ? { pass: mailbox.password ?? '' } : { accessToken }) },
    clientInfo: { name: 'ruawatch' },
    disableAutoIdle: true,
    disableAutoEnable: true,
    disableCompression: true,
    connectionTimeout: 30_000,
    socketTimeout: 120_000,
    maxLiteralSize: MAX_LITERAL,
    maxResponseSize: MAX_LITERAL + 1024 * 1024,
    // Never passed to the log: at debug level it would write the content of mails.
    logger: { debug: quiet, info: quiet, warn: note, error: note },
  };
}

async function logOut(client: ImapFlow): Promise<void> {
  setTimeout(() => client.close(), LOGOUT_MS).unref();
  // A failed logout leaves the connection closed as well.
  await client.logout().catch(() => client.close());
}
