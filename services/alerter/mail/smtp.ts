import { domainToASCII } from 'node:url';
import { createTransport } from 'nodemailer';
import { clean } from '../../mails/plain-text.ts';
import { messageOf, PermanentError, type RuawatchError, TransientError } from '../../shared/errors.ts';
import { type SmtpSettings, smtpSettings } from '../../shared/settings/smtp-url.ts';
import { askServer } from './ask-server.ts';
import { needsSmtpUtf8 } from './recipients.ts';

/** What became of a mail for each of its recipients. */
export interface Sent {
  accepted: string[];
  /** The server put them off (4xx). */
  deferred: string[];
  /** The server refused them for good, with what it said. */
  refused: { recipient: string; reply: string }[];
}

export interface Mailer {
  /**
   * Sends the bytes as they are, over the one connection.
   * @throws PermanentError `smtp_refused`: the server will never take this mail
   * @throws TransientError `smtp_deferred`: not now, others may pass; `smtp_down`: no mail passes at present
   */
  send(mail: { from: string; recipients: string[]; raw: Buffer }): Promise<Sent>;
  /**
   * Connects, upgrades and logs in on a connection of its own, and sends nothing.
   * @throws TransientError `smtp_down` with the sentence that `send` would throw
   */
  reach(): Promise<void>;
  /** Closes the connection; a mail under way is ended first. Idempotent. */
  close(): void;
}

const CONNECT_MS = 15_000;
const SILENCE_MS = 60_000;
/**
 * A server that trickles its replies must not hold a mail for ever. RFC 5321 section 4.5.3.2 allows ten
 * minutes after DATA.
 */
const MAIL_MS = 10 * 60_000;

/** @throws SettingsError when SMTP_URL cannot be used, whatever the server says */
export function checkSmtpUrl(smtpUrl: string): void {
  smtpSettings(smtpUrl);
}

const LIMITS = {
  connectionTimeout: CONNECT_MS,
  greetingTimeout: CONNECT_MS,
  dnsTimeout: CONNECT_MS,
  socketTimeout: SILENCE_MS,
} as const;

/**
 * Opens nothing yet: the connection is made for the first mail and kept for those that follow within seconds.
 */
export function openMailer(smtpUrl: string): Mailer {
  const settings = smtpSettings(smtpUrl);
  const transport = createTransport({
    ...settings,
    ...LIMITS,
    pool: true,
    maxConnections: 1,
    idleTimeout: 20_000,
    // Only for a kept connection that turns out dead before a byte of the mail left; every other retry is the
    // outbox's.
    maxRequeues: 1,
  });
  return {
    async send({ from, recipients, raw }) {
      try {
        const info = await transport.sendMail({
          envelope: { from, to: recipients },
          raw,
          signal: AbortSignal.timeout(MAIL_MS),
        });
        return sentOf(recipients, (info.rejectedErrors ?? []) as SmtpError[]);
      } catch (error) {
        const some = sortedOut(recipients, error);
        if (some !== null) return some;
        throw failureOf(error, settings);
      }
    },
    async reach() {
      await verify(settings);
    },
    close: () => transport.close(),
  };
}

/** @throws RuawatchError when the server cannot be reached, or refuses TLS or the login */
async function verify(settings: SmtpSettings): Promise<void> {
  const transport = createTransport({ ...settings, ...CHECK_LIMITS });
  try {
    await transport.verify();
  } catch (error) {
    throw failureOf(error, settings);
  }
}

function sentOf(recipients: readonly string[], rejected: readonly SmtpError[]): Sent {
  const errors = new Map(rejected.map((error) => [asAsked(error.recipient ?? ''), error]));
  const sent: Sent = { accepted: [], deferred: [], refused: [] };
  for (const recipient of recipients) {
    const error = errors.get(asAsked(recipient));
    if (error === undefined) sent.accepted.push(recipient);
    else if (refusal(error.responseCode)) sent.refused.push({ recipient, reply: clean(replyOf(error), 300) });
    else sent.deferred.push(recipient);
  }
  return sent;
}

/** An address as the server is asked for it: its domain in A-labels and lower case. */
function asAsked(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  return `${address.slice(0, at)}@${domainToASCII(domain) || domain.toLowerCase()}`;
}

/** When no recipient was accepted, but one was only put off: then only he is tried again. Null otherwise. */
function sortedOut(recipients: readonly string[], thrown: unknown): Sent | null {
  const { rejectedErrors = [] } = thrown as { rejectedErrors?: SmtpError[] };
  const sent = sentOf(recipients, rejectedErrors);
  return sent.accepted.length === 0 && sent.deferred.length > 0 && sent.refused.length > 0 ? sent : null;
}

/** Who is to be mailed, as far as a check needs to know. */
export interface Addresses {
  alertFrom: string | null;
  alertTo: readonly string[];
}

const NO_ADDRESSES: Addresses = { alertFrom: null, alertTo: [] };
const CHECK_LIMITS = { connectionTimeout: 8_000, greetingTimeout: 8_000, dnsTimeout: 8_000, socketTimeout: 8_000 } as const;

/**
 * Asks a server whether it takes mail from this sender (many demand STARTTLS or a login, and say so at MAIL
 * FROM only) and for these recipients. After a login only the latter is asked. No mail is sent.
 */
async function checkAddresses(settings: SmtpSettings, { alertFrom, alertTo }: Addresses): Promise<void> {
  const { host, port } = settings;
  const foreign = alertTo.find(needsSmtpUtf8);
  const anyone = settings.ignoreTLS && settings.auth === undefined;
  if (!anyone && foreign === undefined) return;
  const { offers, reply } = await askServer(settings, anyone ? (alertFrom ?? '') : null);
  const where = `${host}:${port}`;
  if (/starttls|encrypt|TLS/i.test(reply) && /^[45]/.test(reply))
    throw new PermanentError(
      'smtp_starttls',
      `The mail server of SMTP_URL (${where}) demands STARTTLS (it says: ${clean(reply, 200)}): remove tls=none from SMTP_URL.`,
    );
  if (/^5/.test(reply))
    throw new PermanentError(
      'smtp_refused',
      `The mail server of SMTP_URL (${where}) does not accept ALERT_FROM as the sender: ${clean(reply, 200)}`,
    );
  if (foreign !== undefined && !offers.includes('SMTPUTF8'))
    throw new PermanentError(
      'smtp_utf8',
      `The mail server of SMTP_URL (${where}) does not offer SMTPUTF8, which "${clean(foreign, 100)}" in ALERT_TO needs: use another address.`,
    );
}

/**
 * Connects, upgrades and logs in, for `doctor`.
 * @returns a line such as "smtp.example.com:587, STARTTLS, logged in as alerts"
 * @throws RuawatchError with one sentence that says what to fix
 */
export async function checkSmtp(smtpUrl: string, addresses: Addresses = NO_ADDRESSES): Promise<string> {
  const settings = smtpSettings(smtpUrl);
  await verify(settings);
  await checkAddresses(settings, addresses);
  const line = settings.secure ? 'TLS' : settings.requireTLS ? 'STARTTLS' : 'not encrypted';
  return `${settings.host}:${settings.port}, ${line}${settings.auth ? `, logged in as ${clean(settings.auth.user, 60)}` : ', no login'}`;
}

interface SmtpError extends Error {
  code?: string;
  originalCode?: string;
  responseCode?: number;
  response?: string;
  command?: string;
  recipient?: string;
}

/** A reply that the same mail would get again. 503 (bad sequence) speaks of the session, not of the mail. */
function refusal(code: number | undefined): boolean {
  return code !== undefined && code >= 500 && code < 600 && code !== 503;
}

function replyOf(error: SmtpError): string {
  return clean(error.response ?? messageOf(error), 300);
}

/**
 * What the server said, sorted by what it means: a refusal of the mail (its sender, its recipients or its
 * content) is for good; a refusal of the login or the connection is a matter of settings that a person has to
 * correct, so the mails wait.
 */
function failureOf(thrown: unknown, settings: SmtpSettings): RuawatchError {
  const error = thrown as SmtpError;
  const where = `${settings.host}:${settings.port}`;
  // Before MAIL FROM is accepted, 530 and 535 ask for a login.
  const ofLogin = error.responseCode === 530 || error.responseCode === 535;
  const ofMail = error.code === 'EMESSAGE' || (error.code === 'EENVELOPE' && !ofLogin);
  if (ofMail && (refusal(error.responseCode) || error.responseCode === undefined)) {
    return new PermanentError(
      'smtp_refused',
      error.command === 'MAIL FROM'
        ? `The mail server of SMTP_URL (${where}) does not accept ALERT_FROM as the sender: ${replyOf(error)}`
        : `The mail server of SMTP_URL (${where}) refuses the mail: ${replyOf(error)}`,
      error,
    );
  }
  if (ofMail && error.responseCode !== 421) {
    return new TransientError(
      'smtp_deferred',
      `The mail server of SMTP_URL (${where}) postpones the mail: ${replyOf(error)}`,
      error,
    );
  }
  return new TransientError('smtp_down', sentenceFor(error, settings, where), error);
}

const CAUSES: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be looked up at present',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to it',
  ECONNRESET: 'it cut the connection',
  ECONNECTION: 'it closed the connection',
  ETIMEDOUT: 'it does not answer',
  EABORT: 'it takes too long over a mail',
};

function sentenceFor(error: SmtpError, settings: SmtpSettings, where: string): string {
  if (error.command === 'MAIL FROM' && !(settings.ignoreTLS && /STARTTLS/i.test(error.response ?? '')))
    return `The mail server of SMTP_URL (${where}) does not accept ALERT_FROM as the sender: ${replyOf(error)}`;
  if (error.code === 'EAUTH') {
    return error.responseCode === undefined
      ? `The login at the mail server ${where} failed: ${clean(messageOf(error), 200)}; check the user and password in SMTP_URL.`
      : `The mail server of SMTP_URL (${where}) refuses the login (${error.responseCode}): correct the user or password in SMTP_URL.`;
  }
  if (settings.ignoreTLS && /STARTTLS/i.test(error.response ?? '')) {
    return `The mail server of SMTP_URL (${where}) demands STARTTLS (it says: ${replyOf(error)}): remove tls=none from SMTP_URL.`;
  }
  const original = error.originalCode ?? error.code ?? '';
  if (/CERT|ISSUER|SELF_SIGNED|ALTNAME/.test(original)) {
    return `The certificate of the mail server ${where} is not trusted (${original}): replace it, or add tls_verify=no to SMTP_URL.`;
  }
  if (error.code === 'ETLS' && settings.requireTLS) {
    return `The mail server of SMTP_URL (${where}) offers no STARTTLS: use smtps://, or tls=none in SMTP_URL for a relay that you trust.`;
  }
  if (/wrong version number|packet length too long/i.test(error.message)) {
    return `The mail server of SMTP_URL (${where}) does not speak TLS on this port: use smtp:// in SMTP_URL, or another port.`;
  }
  if (error.response !== undefined && !/^\d{3}/.test(error.response.trim()))
    return `The mail server of SMTP_URL (${where}) cannot be reached: what answers there is no mail server (it says: ${replyOf(error)}).`;
  if (error.message === 'Greeting never received' && !settings.secure)
    return `The mail server of SMTP_URL (${where}) cannot be reached: it accepts the connection and sends no greeting; if the port is for TLS from the start, use smtps://.`;
  return `The mail server of SMTP_URL (${where}) cannot be reached: ${error.response ? replyOf(error) : (CAUSES[original] ?? clean(messageOf(error), 200))}.`;
}
