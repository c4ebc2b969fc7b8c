/**
 * The milter protocol, version 6: what Postfix and Sendmail speak to mail filters. It has no RFC; the
 * constants are those of libmilter's mfdef.h and Postfix' milter8.c. A packet is a length of four octets
 * (big-endian), a command of one octet, and data; the length counts the command and the data.
 */
export const VERSION = 6;

/** The oldest version that is spoken: since 3, SMFIR_QUARANTINE and SMFIC_UNKNOWN exist. */
export const OLDEST_VERSION = 3;

/**
 * Octets of the longest packet that is read. A body comes in pieces of 64 KiB unless more was agreed on, and
 * Postfix cuts a header field at 100 KiB (header_size_limit).
 */
export const MOST_PACKET = 512 * 1024;

/** What a filter may do to a mail (SMFIF_*). */
export const ACTION = { addHeaders: 0x01, changeHeaders: 0x10, quarantine: 0x20 } as const;

/** Steps that are left out, or not answered (SMFIP_*). */
export const STEP = {
  noUnknown: 0x100,
  noData: 0x200,
  noReplyHeader: 0x80,
  noReplyRcpt: 0x8000,
  noReplyHelo: 0x2000,
  noReplyEndOfHeader: 0x40000,
  noReplyBody: 0x80000,
  /** Header values come with the blanks after the colon: what a simple DKIM signature is over. */
  leadingSpace: 0x100000,
} as const;

/** Bytes that break the protocol: the connection cannot be read any further. */
export class ProtocolError extends Error {}

/** What the mail server says, packet by packet. */
export type Command =
  | { type: 'negotiate'; version: number; actions: number; steps: number }
  /** Macros of the stage whose command letter is `stage`: "i", "{auth_authen}". */
  | { type: 'macros'; stage: string; values: Map<string, string> }
  /** `address` is null for a client without one: a pipe, or a mail that was submitted locally. */
  | { type: 'connect'; host: string; address: string | null }
  | { type: 'helo'; name: string }
  /** With the arguments of ESMTP behind the address, as they were sent. */
  | { type: 'mail'; sender: string; parameters: string[] }
  | { type: 'recipient'; recipient: string; parameters: string[] }
  | { type: 'data' }
  /** Lines of a value end with LF; one character per octet. */
  | { type: 'header'; name: string; value: string }
  | { type: 'endOfHeader' }
  | { type: 'body'; bytes: Buffer }
  /** May have the last piece of the body. */
  | { type: 'endOfBody'; bytes: Buffer }
  | { type: 'abort' }
  | { type: 'quit' }
  /** The connection goes on with another SMTP client. */
  | { type: 'quitNewConnection' }
  | { type: 'unknownSmtp'; text: string }
  /** A command of another version of the protocol. */
  | { type: 'unknown'; command: string };
