/** A mail as the probe took it. */
export interface ProbeMail {
  raw: Buffer;
  at: Date;
  /** The address that it came from; null: not known (a mailbox without a Received field). */
  peer: string | null;
  /** HELO or EHLO; null: not known. */
  helo: string | null;
  /** MAIL FROM without angle brackets; empty for a bounce. */
  mailFrom: string;
  /** Who it was for. */
  recipients: readonly string[];
  /** The user that the client authenticated as; null: it did not. */
  user: string | null;
}

/** How the probe is limited: what is beyond is refused, and said. */
export const PROBE_LIMITS = {
  /** Bytes of one mail. */
  size: 5 * 1024 * 1024,
  /** Mails of one run. */
  mails: 1_000,
  /** Bytes of all mails that wait to be looked at: further ones are put off (452), and come again. */
  waiting: 100 * 1024 * 1024,
  /** How long a run may go on after its end with what still waits. */
  lateMs: 30_000,
  /** Connections at once. */
  clients: 20,
  /** Silence on a connection. */
  idleMs: 20_000,
  /** The longest run. */
  seconds: 86_400,
};
