import { codeOf, isTransient, messageOf, PermanentError, RuawatchError, TransientError } from '../shared/errors.ts';
import { speaksTls } from '../shared/library-texts.ts';
import type { Mailbox } from '../shared/settings/mailbox.ts';

/** What imapflow adds to its errors. */
interface ImapError {
  authenticationFailed?: boolean;
  mailboxMissing?: boolean;
  tlsFailed?: boolean;
  responseStatus?: string;
  responseText?: string;
  serverResponseCode?: string;
  response?: unknown;
  reason?: string;
}

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'CONNECT_TIMEOUT',
]);
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS_CERT/;
/** RFC 5530 codes, and words of large providers, for a login that will work again later. */
const LOGIN_LATER = /UNAVAILABLE|INUSE|LIMIT|too many|try again|temporar|\brate\b/i;

/** The mailbox and its server, as a sentence names them. */
const namesOf = ({ name, host, port }: Mailbox) => ({ who: `Mailbox "${name}"`, server: `${host}:${port}` });

const CHECK_PORT = 'check host and port (imaps:// is 993, imap:// is 143)';

/** Of a connection that we gave up: what the client says of its end would name the server. */
export function explainSilence(error: unknown, mailbox: Mailbox): RuawatchError {
  const { server, who } = namesOf(mailbox);
  const said = { about: who, says: `${server} gives no answer of IMAP in time; ${CHECK_PORT}.` };
  return new TransientError('imap_silent', said, error);
}

/** The server's own words, on one line. */
function said(error: ImapError): string {
  const text = error.responseText ?? (typeof error.response === 'string' ? error.response : '') ?? '';
  const line = text.replace(/\s+/g, ' ').trim().slice(0, 200);
  return line === '' ? '' : ` (the server says: ${line})`;
}

/**
 * Turns whatever a connection threw into one sentence that names the mailbox and says what to do. Never shows
 * a password or token.
 */
export function explain(error: unknown, mailbox: Mailbox): RuawatchError {
  if (error instanceof RuawatchError) return error;
  const imap = (typeof error === 'object' && error !== null ? error : {}) as ImapError;
  const { server, who } = namesOf(mailbox);
  const message = messageOf(error);

  if (imap.authenticationFailed || /Unsupported authentication mechanism|Login is disabled/.test(message)) {
    return explainLogin(error, imap, mailbox);
  }
  if (imap.mailboxMissing) {
    return new PermanentError(
      'imap_folder',
      { about: who, says: `there is no folder "${mailbox.folder}" on ${server}; correct the folder or create it.` },
      error,
    );
  }
  const explained = explainTls(error, imap, mailbox) ?? explainConnection(error, mailbox);
  if (explained !== null) return explained;
  if (imap.responseStatus === 'NO' || imap.responseStatus === 'BAD') {
    return new TransientError(
      'imap_refused',
      { about: who, says: `${server} refused a command${said(imap)}; it is retried.` },
      error,
    );
  }
  const reason = imap.reason ?? message;
  return new TransientError(
    'imap_lost',
    { about: who, says: `the connection to ${server} was lost (${reason}); it is retried.` },
    error,
  );
}

/** Null when the error is not about TLS. */
function explainTls(error: unknown, imap: ImapError, mailbox: Mailbox): RuawatchError | null {
  const code = codeOf(error) ?? '';
  const { server, who } = namesOf(mailbox);
  const message = messageOf(error);
  if (/does not support STARTTLS/.test(message)) {
    return new PermanentError(
      'imap_starttls',
      {
        about: who,
        says: `${server} offers no STARTTLS, and nothing is sent in the clear; use imaps:// with the TLS port, or imap://…?tls=none on a trusted network.`,
      },
      error,
    );
  }
  if (CERTIFICATE.test(code)) {
    return new PermanentError(
      'imap_certificate',
      {
        about: who,
        says: `the certificate of ${server} is not trusted (${code}); use the name it was issued for, or, only for a server of your own, ?tls_verify=no.`,
      },
      error,
    );
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL') || imap.tlsFailed) {
    return new PermanentError(
      'imap_tls',
      speaksTls(error)
        ? { about: who, says: `TLS with ${server} fails: ${message}; correct the settings of the server.` }
        : { about: who, says: `${server} does not speak TLS from the start; use imap:// for STARTTLS, or the TLS port (993).` },
      error,
    );
  }
  return null;
}

/** Null when the connection came about. */
function explainConnection(error: unknown, mailbox: Mailbox): RuawatchError | null {
  const code = codeOf(error) ?? '';
  const { server, who } = namesOf(mailbox);
  if (code === 'GREETING_TIMEOUT') {
    return new TransientError(
      'imap_silent',
      { about: who, says: `${server} accepts the connection but sends no greeting; ${CHECK_PORT}.` },
      error,
    );
  }
  if (UNREACHABLE.has(code)) {
    return new TransientError(
      'imap_unreachable',
      { about: who, says: `${server} cannot be reached (${code}); check host, port and firewall.` },
      error,
    );
  }
  return null;
}

function explainLogin(error: unknown, imap: ImapError, mailbox: Mailbox): RuawatchError {
  const { server, who } = namesOf(mailbox);
  const message = messageOf(error);
  if (/Unsupported authentication mechanism|No matching authentication/.test(message)) {
    return new PermanentError(
      'imap_login',
      mailbox.oauth
        ? { about: who, says: `${server} offers no OAuth login (XOAUTH2); set a password instead.` }
        : { about: who, says: `${server} offers no login with a password; set oauth (docs/mailboxes.md).` },
      error,
    );
  }
  if (/Login is disabled/.test(message)) {
    return new PermanentError(
      'imap_login',
      { about: who, says: `${server} accepts no password over an unencrypted connection; drop tls=none, or use imaps://.` },
      error,
    );
  }
  if (LOGIN_LATER.test(`${imap.serverResponseCode ?? ''} ${said(imap)}`)) {
    return new TransientError(
      'imap_login_later',
      { about: who, says: `${server} accepts no login now${said(imap)}; it is retried.` },
      error,
    );
  }
  return new PermanentError(
    'imap_login',
    mailbox.oauth
      ? {
          about: who,
          says: `${server} does not accept the OAuth token for user "${mailbox.user}"${said(imap)}; check the scope, the user, and that the app may read this mailbox.`,
        }
      : {
          about: who,
          says: `wrong password or user: ${server} refused the login of "${mailbox.user}"${said(imap)}; correct it in IMAP_URL or ruawatch.yaml.`,
        },
    error,
  );
}

/** Whether imapflow threw it. */
export function isImapError(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && ('responseStatus' in error || 'mailboxMissing' in error || '_connId' in error)
  );
}

/**
 * An error that does not come from the mail server comes from Postgres or from a bug; either way it is
 * retried.
 */
export function explainOwn(error: unknown, { name }: Mailbox): RuawatchError {
  if (error instanceof RuawatchError) return error;
  const database = isTransient(error) || /^[0-9A-Z]{5}$/.test(codeOf(error) ?? '');
  return database
    ? new TransientError(
        'database',
        `Mailbox "${name}" waits for Postgres (${messageOf(error)}); nothing is moved in it meanwhile.`,
        error,
      )
    : new TransientError('poller', { about: `Mailbox "${name}"`, says: `${messageOf(error)}; it is retried.` }, error);
}
